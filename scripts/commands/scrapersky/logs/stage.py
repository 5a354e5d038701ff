"""The logs of a stage: its functions' log groups, and CloudWatch Logs Insights over them."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.commands.scrapersky.logs.query import Mistake

ASK_AGAIN_SECONDS = 0.5
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Logs:
    """The log groups of the functions ``scrapersky-<stage>-…``. ``lambda_`` and ``logs`` are boto3 clients."""

    stage: str
    lambda_: Any
    logs: Any

    def groups(self) -> list[str]:
        """Where the functions write. Raises :class:`Mistake` when there are none."""
        pages = self.lambda_.get_paginator("list_functions").paginate()
        found = [
            function["LoggingConfig"]["LogGroup"]
            for page in pages
            for function in page["Functions"]
            if function["FunctionName"].startswith(f"scrapersky-{self.stage}-")
        ]
        if not found:
            raise Mistake(
                f"--stage {self.stage}: no function scrapersky-{self.stage}-… stands in this account and region"
            )
        return found

    def insights(self, text: str, since_seconds: int) -> list[Row]:
        """Runs a query and waits for its rows."""
        now = int(time.time())
        query = self.logs.start_query(
            logGroupNames=self.groups(), startTime=now - since_seconds, endTime=now + 1, queryString=text
        )["queryId"]
        while (answer := self.logs.get_query_results(queryId=query))["status"] in {"Scheduled", "Running", "Unknown"}:
            time.sleep(ASK_AGAIN_SECONDS)
        if answer["status"] != "Complete":
            raise Mistake(f"CloudWatch Logs Insights ended the query with {answer['status']}:\n{text}")
        return [{one["field"]: one["value"] for one in row if one["field"] != "@ptr"} for row in answer["results"]]

    def lines(self, since_seconds: int) -> Iterator[Row]:
        """Every JSON line, oldest first, for an emulated AWS whose Insights cannot run these queries."""
        start = int((time.time() - since_seconds) * 1000)
        events: list[tuple[int, str]] = []
        for group in self.groups():
            for page in self.logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=start):
                events += [(event["timestamp"], event["message"]) for event in page["events"]]
        events.sort(key=lambda event: event[0])
        return json_lines(message for _, message in events)


def json_lines(texts: Iterator[str]) -> Iterator[Row]:
    """The JSON objects among ``texts``; the rest are the platform's own lines."""
    for text in texts:
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict):
            yield line
