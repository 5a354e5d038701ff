"""Leaves the system running on its real schedule, and says how to speak to it."""

import json
import shlex

from rich.console import Console
from sqlalchemy import Engine, make_url

from infra.config import LOCAL
from scrapersky.runtime.registry import SERVICES
from scripts.commands.run.progress import Progress, watch
from scripts.commands.run.system import System

LOOK_SECONDS = 2


def keep(system: System, engine: Engine, console: Console, *, password_is_ours: bool) -> None:
    """Prints how to invoke by hand, then a line whenever something changes, until interrupted.

    The database's password is printed only when it was made for this run.
    """
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in system.aws.environment.items())
    function = system.deployed(SERVICES[0]).function
    payload = shlex.quote(json.dumps({"action": "status"}))
    console.print(
        f"""
Running on the schedule of the stack's own rules. Ctrl-C stops everything.

The database:
  {make_url(system.database_url).render_as_string(hide_password=not password_is_ours)}
The AWS command line, boto3 and scripts/scrapersky find it by:
  export {variables}
By hand, for example:
  scripts/scrapersky status --stage {LOCAL.name}
  aws lambda invoke --function-name {function} --cli-binary-format raw-in-base64-out --payload {payload} /dev/stdout
The curation API, which wants any Authorization header here and a signed request in the cloud:
  curl -H 'Authorization: local' '{system.api_url}/domains?limit=3'
The functions' log:
  {system.aws.log}
""",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    said = ""
    for progress in watch(engine, Progress(), every=LOOK_SECONDS):
        if progress.line() != said:
            said = progress.line()
            console.print(said, markup=False, highlight=False, soft_wrap=True)
