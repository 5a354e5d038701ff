"""The documented answers again, through the mapping of the emulated AWS that the local run uses.

Where the emulator is laxer than Lambda, the simulator decides. The differences are listed here, so that a stricter
emulator fails these tests.
"""

import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from scripts.commands.run.emulator import ACCOUNT, REGION, Aws
from tests.chaos.event_source import BOTH, DOCUMENTED_ANSWERS, NEITHER, repr_of_answer

TIMEOUT_SECONDS = 60.0
HOUR = 3_600
LAXER = [
    {"batchItemFailures": [{"itemIdentifier": ""}]},
    {"batchItemFailures": [{"itemIdentifier": None}]},
    {"batchItemFailures": [{"messageId": "a"}]},
    {"batchItemFailures": [{"itemIdentifier": "a"}, {}]},
    {"batchItemFailures": [{"itemIdentifier": "stranger"}]},
    {"batchItemFailures": [{"itemIdentifier": 7}]},
    "done",
    ["a"],
]
"""Answers that fail the whole batch on Lambda, but only the named messages here."""
BROKEN = [{"batchItemFailures": None}, {"batchItemFailures": ["a"]}, {"batchItemFailures": "a"}]
"""Answers on which the emulator itself raises, so that nothing is deleted."""
DIFFERENT = LAXER + BROKEN

HANDLER = """
import json

def handler(event, context):
    names = {json.loads(record["body"])["name"]: record for record in event["Records"]}
    answer = json.loads(next(iter(names.values()))["body"])["answer"]
    if answer == "crash":
        raise RuntimeError("as requested")
    if isinstance(answer, dict) and isinstance(answer.get("batchItemFailures"), list):
        for failure in answer["batchItemFailures"]:
            if isinstance(failure, dict) and failure.get("itemIdentifier") in ("a", "b"):
                named = names.get(failure["itemIdentifier"])
                failure["itemIdentifier"] = named["messageId"] if named else failure["itemIdentifier"]
    return answer
"""
"""Returns the answer given in the bodies, with names replaced by message ids."""


@dataclass
class Scene:
    """A queue with its dead-letter queue, and a function that answers as its messages request."""

    aws: Aws
    name: str
    visibility: int
    receives: int
    url: str = field(init=False)
    dead_url: str = field(init=False)
    mapping: str = ""

    def __post_init__(self) -> None:
        sqs = self.aws.client("sqs")
        self.dead_url = sqs.create_queue(QueueName=f"{self.name}-dead")["QueueUrl"]
        redrive = {"deadLetterTargetArn": arn("sqs", f"{self.name}-dead"), "maxReceiveCount": self.receives}
        self.url = sqs.create_queue(
            QueueName=self.name,
            Attributes={"VisibilityTimeout": str(self.visibility), "RedrivePolicy": json.dumps(redrive)},
        )["QueueUrl"]

    def play(self, answer: Any) -> None:
        """Send ``a`` and ``b``, then create the mapping."""
        self.aws.client("sqs").send_message_batch(
            QueueUrl=self.url,
            Entries=[
                {"Id": name, "MessageBody": json.dumps({"name": name, "answer": answer})} for name in sorted(BOTH)
            ],
        )
        self.mapping = self.aws.client("lambda").create_event_source_mapping(
            EventSourceArn=arn("sqs", self.name),
            FunctionName="echo",
            BatchSize=2,
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )["UUID"]

    def answered(self) -> bool:
        """Return whether the mapping has processed an answer."""
        state = self.aws.client("lambda").get_event_source_mapping(UUID=self.mapping)
        return bool(state.get("LastProcessingResult", "No records processed") != "No records processed")

    def size(self, url: str | None = None) -> int:
        """Return the number of messages in the queue, visible or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.aws.client("sqs").get_queue_attributes(QueueUrl=url or self.url, AttributeNames=names)
        return sum(int(attributes["Attributes"][name]) for name in names)


def arn(service: str, name: str) -> str:
    """Return the ARN of a resource of the emulated account."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


def wait_until(condition: Callable[[], bool]) -> None:
    """Poll until ``condition`` holds."""
    give_up = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < give_up, f"not so within {TIMEOUT_SECONDS:.0f} s"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """An emulated AWS with the function."""
    asset = io.BytesIO()
    with zipfile.ZipFile(asset, "w") as archive:
        archive.writestr("echo.py", HANDLER)
    with Aws.start(Path(tmp_path_factory.mktemp("aws")), {}) as aws:
        aws.client("lambda").create_function(
            FunctionName="echo",
            Runtime="python3.14",
            Role=f"arn:aws:iam::{ACCOUNT}:role/echo",
            Handler="echo.handler",
            Code={"ZipFile": asset.getvalue()},
            Timeout=30,
        )
        yield aws


@pytest.fixture(scope="module")
def played(aws: Aws) -> dict[str, Scene]:
    """Every answer that the emulator accepts, each in a scene of its own, all at once because it polls slowly."""
    answers = [answer for answer, _ in DOCUMENTED_ANSWERS if answer not in BROKEN] + ["crash"]
    scenes = {repr(answer): Scene(aws, f"messages-{number}", HOUR, 5) for number, answer in enumerate(answers)}
    for answer in answers:
        scenes[repr(answer)].play(answer)
    for one in scenes.values():
        wait_until(one.answered)
    return scenes


@pytest.mark.parametrize(
    ("answer", "redelivered"),
    [(answer, redelivered) for answer, redelivered in DOCUMENTED_ANSWERS if answer not in DIFFERENT]
    + [("crash", BOTH)],
    ids=repr_of_answer,
)
def test_the_emulated_mapping_interprets_an_answer_as_documented(
    played: dict[str, Scene], answer: Any, redelivered: frozenset[str]
) -> None:
    assert played[repr(answer)].size() == len(redelivered)


@pytest.mark.parametrize("answer", LAXER, ids=repr)
def test_the_emulated_mapping_is_laxer_than_lambda_here(played: dict[str, Scene], answer: Any) -> None:
    assert next(redelivered for one, redelivered in DOCUMENTED_ANSWERS if one == answer) == BOTH
    named = {"a"} if '"itemIdentifier": "a"' in json.dumps(answer) else NEITHER
    assert played[repr(answer)].size() == len(named)


def test_a_failed_message_is_redelivered_up_to_its_maximum_and_then_becomes_a_dead_letter(
    aws: Aws,
) -> None:
    messages = Scene(aws, "retried", visibility=1, receives=2)
    messages.play({"batchItemFailures": [{"itemIdentifier": "a"}]})
    wait_until(lambda: messages.size(messages.dead_url) == 1)
    assert messages.size() == 0
    (dead_letter,) = aws.client("sqs").receive_message(
        QueueUrl=messages.dead_url, MessageSystemAttributeNames=["ApproximateReceiveCount"]
    )["Messages"]
    assert json.loads(dead_letter["Body"])["name"] == "a"


def test_a_shortened_visibility_timeout_redelivers_a_message_early(aws: Aws) -> None:
    sqs = aws.client("sqs")
    messages = Scene(aws, "hidden", visibility=HOUR, receives=5)
    sqs.send_message(QueueUrl=messages.url, MessageBody="late")
    (first,) = sqs.receive_message(QueueUrl=messages.url)["Messages"]
    sqs.change_message_visibility_batch(
        QueueUrl=messages.url,
        Entries=[{"Id": "0", "ReceiptHandle": first["ReceiptHandle"], "VisibilityTimeout": 0}],
    )
    (again,) = sqs.receive_message(
        QueueUrl=messages.url, MessageSystemAttributeNames=["ApproximateReceiveCount"], WaitTimeSeconds=5
    )["Messages"]
    assert (again["MessageId"], again["Attributes"]["ApproximateReceiveCount"]) == (first["MessageId"], "2")
