"""Where log lines come from: the log groups of a stage's functions, or a file."""

import json
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from scripts.commands.scrapersky.errors import CommandError
from scripts.commands.scrapersky.logs.insights import Line, timestamp

POLL_SECONDS = 0.5
REPORT = re.compile(r"REPORT RequestId: (?P<requestId>\S+)\s+Duration: (?P<durationMs>[\d.]+) ms")
REPORTED = {
    "maxMemoryUsedMB": re.compile(r"Max Memory Used: (\d+) MB"),
    "initDurationMs": re.compile(r"Init Duration: ([\d.]+) ms"),
}
STATUS = re.compile(r"\tStatus: (\w+)")


@dataclass(frozen=True)
class Logs:
    """The log groups of the functions ``scrapersky-<stage>-…``. ``lambda_`` and ``logs`` are boto3 clients."""

    stage: str
    lambda_: Any
    logs: Any

    def groups(self) -> list[str]:
        """Return the functions' log groups. Raises :class:`CommandError` when there are none."""
        pages = self.lambda_.get_paginator("list_functions").paginate()
        found = [
            function["LoggingConfig"]["LogGroup"]
            for page in pages
            for function in page["Functions"]
            if function["FunctionName"].startswith(f"scrapersky-{self.stage}-")
        ]
        if not found:
            raise CommandError(
                f"--stage {self.stage}: this account and region have no function scrapersky-{self.stage}-…"
            )
        return found

    def insights(self, text: str, since_seconds: int) -> list[Line]:
        """Run a query by CloudWatch Logs Insights and wait for its rows."""
        now = int(time.time())
        query = self.logs.start_query(
            logGroupNames=self.groups(), startTime=now - since_seconds, endTime=now + 1, queryString=text
        )["queryId"]
        while (answer := self.logs.get_query_results(queryId=query))["status"] in {"Scheduled", "Running", "Unknown"}:
            time.sleep(POLL_SECONDS)
        if answer["status"] != "Complete":
            raise CommandError(f"CloudWatch Logs Insights ended the query with {answer['status']}:\n{text}")
        return [{one["field"]: one["value"] for one in row if one["field"] != "@ptr"} for row in answer["results"]]

    def lines(self, since_seconds: int) -> list[Line]:
        """Return every line, oldest first, for an emulated AWS."""
        start = int((time.time() - since_seconds) * 1000)
        return by_time(
            parsed(event["message"], event["timestamp"] / 1000, group)
            for group in self.groups()
            for page in self.logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=start)
            for event in page["events"]
        )


def lines_of(text: str) -> list[Line]:
    """Return the lines of a saved log, oldest first. A line separator of Unicode does not end a line."""
    return by_time(parsed(line, 0, "file") for line in text.rstrip("\n").split("\n"))


def by_time(lines: Iterable[Line]) -> list[Line]:
    """Return ``lines`` ordered by time; lines of one millisecond stay in their order."""
    return sorted(lines, key=lambda line: str(line["@timestamp"]))


def parsed(text: str, at: float, group: str) -> Line:
    """Return a line's fields with ``@timestamp``, ``@message`` and ``@log``, as Insights discovers them.

    A JSON line's own time counts, as in Lambda. Its report in text becomes the JSON that Lambda writes in AWS.
    """
    fields: dict[str, Any] = {}
    try:
        line = json.loads(text)
    except ValueError:
        if report := REPORT.match(text):
            fields = _report(text, report)
    else:
        fields = line if isinstance(line, dict) else {}
    own = re.fullmatch(r"(\S+ [\d:]+),(\d+)([+-]\d{4})", str(fields.get("timestamp", "")))
    if own:
        at = datetime.strptime(f"{own[1]}.{own[2]}{own[3]}", "%Y-%m-%d %H:%M:%S.%f%z").timestamp()
    return {**fields, "@timestamp": timestamp(at), "@message": text, "@log": group}


def _report(text: str, report: re.Match[str]) -> dict[str, Any]:
    metrics = {"durationMs": float(report["durationMs"])}
    metrics |= {name: float(found[1]) for name, pattern in REPORTED.items() if (found := pattern.search(text))}
    status = STATUS.search(text)
    record = {"requestId": report["requestId"], "status": status[1] if status else "success", "metrics": metrics}
    return {"type": "platform.report", "record": record}
