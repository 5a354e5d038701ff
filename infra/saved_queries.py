"""Saved Logs Insights queries. Each file in ``infra/queries`` is one, named by the file; ``{{name}}`` is a parameter."""

import re
from collections.abc import Sequence

from aws_cdk import aws_logs as logs
from constructs import Construct

from infra import ROOT
from infra.plan import Plan

FOLDER = ROOT / "infra" / "queries"
PARAMETER = re.compile(r"\{\{(\w+)\}\}")
COMMENT = re.compile(r"^#.*\n", re.MULTILINE)


def query_without_comments(name: str) -> str:
    """Return a query for a dashboard widget, which puts its first line behind a pipe and so allows no comment there."""
    return COMMENT.sub("", (FOLDER / f"{name}.txt").read_text()).strip()


class SavedQueries(Construct):
    """All queries over ``log_groups``, in a folder of the console that is named after the stack."""

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
