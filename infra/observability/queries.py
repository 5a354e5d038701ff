"""Saved Logs Insights queries: one text file each in ``infra/queries``, its name the query's, ``{{name}}`` a parameter."""

import re
from collections.abc import Sequence

from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.dependencies import ROOT
from infra.plan import Plan

FOLDER = ROOT / "infra" / "queries"
PARAMETER = re.compile(r"\{\{(\w+)\}\}")
COMMENT = re.compile(r"^#.*\n", re.MULTILINE)


def query(name: str) -> str:
    """The query without its words for people: a widget puts it behind the names of log groups, in one line with its first."""
    return COMMENT.sub("", (FOLDER / f"{name}.txt").read_text()).strip()


class Queries(Construct):
    """Every query of the folder over ``log_groups``, in the console's folder named like the stack."""

    def __init__(self, scope: Construct, id: str, *, plan: Plan, log_groups: Sequence[logs.ILogGroup]) -> None:
        super().__init__(scope, id)
        for file in sorted(FOLDER.glob("*.txt")):
            text = file.read_text()
            logs.CfnQueryDefinition(
                self,
                file.stem,
                name=f"{plan.stage.stack}/{file.stem}",
                query_string=text,
                log_group_names=[group.log_group_name for group in log_groups],
                parameters=[
                    logs.CfnQueryDefinition.QueryParameterProperty(name=name, description=f"{name} in {file.stem}")
                    for name in dict.fromkeys(PARAMETER.findall(text))
                ]
                or None,
            )
