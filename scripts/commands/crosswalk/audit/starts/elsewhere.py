"""Requests that start work elsewhere: of AWS's services, and of the application itself over HTTP."""

import ast
from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit.atoms import (
    UNKNOWN,
    Const,
    Made,
    Pattern,
    Values,
)
from scripts.commands.crosswalk.audit.scope import Frame
from scripts.commands.crosswalk.audit.starts.recording import (
    effect,
    names_of,
    source,
)

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.calls import Call
    from scripts.commands.crosswalk.audit.interpreter import Interpreter

AWS = {
    "invoke": ("lambda", ("FunctionName",)),
    "invoke_async": ("lambda", ("FunctionName",)),
    "send_message": ("sqs", ("QueueUrl", "MessageBody")),
    "send_message_batch": ("sqs", ("QueueUrl", "Entries")),
    "send_messages": ("sqs", ("Entries",)),
    "start_execution": ("stepfunctions", ("stateMachineArn",)),
    "start_sync_execution": ("stepfunctions", ("stateMachineArn",)),
    "put_events": ("events", ("Entries",)),
    "publish": ("sns", ("TopicArn",)),
    "submit_job": ("batch", ("jobQueue",)),
    "run_task": ("ecs", ("taskDefinition",)),
    "create_schedule": ("scheduler", ("ScheduleExpression",)),
    "start_job_run": ("glue", ("JobName",)),
    "start_crawler": ("glue", ()),
    "start_build": ("codebuild", ("projectName",)),
    "put_record": ("kinesis", ("StreamName", "PartitionKey")),
    "put_records": ("kinesis", ("StreamName", "Records")),
}
AWS_NAMES = {"sfn": "stepfunctions", "states": "stepfunctions", "step": "stepfunctions"}


def aws(run: "Interpreter", call: "Call", frame: Frame) -> Values | None:
    """A function, queue, topic or state machine of AWS, by its client."""
    if call.name not in AWS or not isinstance(call.node.func, ast.Attribute) or not call.is_foreign:
        return None
    service, words = AWS[call.name]
    clients = {
        AWS_NAMES.get(atom.detail, atom.detail)
        for atom in call.owners
        if isinstance(atom, Made) and ("boto" in atom.name or atom.name.endswith(("client", "resource")))
    }
    if service in clients or any(word in call.arguments.keywords for word in words) or (
        service == "lambda" and "lambda" in call.owner_source.lower()
    ):  # fmt: skip
        effect(run, frame, call.node, "aws", source(call))
        return UNKNOWN
    return None


HTTP_VERBS = frozenset({"get", "post", "put", "patch", "delete", "request", "stream", "urlopen", "fetch"})
HTTP_PACKAGES = frozenset(
    ["requests", "httpx", "aiohttp", "urllib", "urllib3", "urllib2", "niquests", "curl_cffi", "pycurl"]
)
HTTP_WORDS = ("client", "session", "http", "requests", "request")


def _is_http(call: "Call") -> bool:
    """Whether a client is asked, and no dict, cache or queue."""
    names = names_of(call.owners) + names_of(call.callees)
    if names and any(name.split(".", 1)[0] in HTTP_PACKAGES for name in names):
        return True
    last = call.owner_source.rsplit(".", 1)[-1].lower().strip("_").split("(")[0]
    return any(last == word or last.endswith((f"_{word}", word)) for word in HTTP_WORDS) or last in ("c", "ac", "s")


def http(run: "Interpreter", call: "Call", frame: Frame) -> Values | None:
    """The application asks itself; whether it does is decided when all routes are known."""
    if call.name not in HTTP_VERBS or not call.is_foreign or not _is_http(call):
        return None
    position = 1 if call.name in ("request", "stream") and len(call.arguments.positional) > 1 else 0
    url = call.arguments.get(position, "url")
    clients = [atom.detail for atom in call.owners if isinstance(atom, Made) and "://" in atom.detail]
    for atom in url:
        match atom:
            case Const(str(text)) | Pattern(text):
                holes = atom.holes if isinstance(atom, Pattern) else ()
                full = (clients[0].rstrip("/") if clients and text.startswith("/") else "") + text
                if run.known.is_candidate(full, holes):
                    run.known.self_calls.append((full, holes))
                    effect(run, frame, call.node, "self_http", f"{full}\x00{'|'.join(holes)}\x00{source(call)}")
            case _:
                pass
    return None
