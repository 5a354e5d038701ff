"""Calls that start or run background work, or change its scheduler."""

import ast
import re
from dataclasses import replace

from scripts.commands.crosswalk.audit import queues
from scripts.commands.crosswalk.audit import values as v
from scripts.commands.crosswalk.audit.effects import Ended, Start, StartsWork, StatusWrite
from scripts.commands.crosswalk.audit.machine import Machine
from scripts.commands.crosswalk.audit.syntax import is_awaited, is_begun_once, is_joined, is_joined_by_name, is_read
from scripts.commands.crosswalk.audit.vocabulary import is_periodic

TIDYING = frozenset({"close", "aclose", "unlink", "remove", "rmtree", "rmdir", "cleanup", "shutdown"})

SIGNALS = frozenset({"set", "set_result", "set_exception", "put_nowait", "stop", "cancel"})
"""What the thread of an event loop is asked to do, that is no work of its own."""
TIDYING_UP = re.compile(r"^_?(delete|remove|clean_?up|unlink)_?(temp\w*|tmp\w*|files?|dir\w*|folders?|paths?)$")


def background_tasks(run: Machine, call: v.Call, frame: v.Frame) -> v.Values | None:
    """Recognise ``add_task`` and ``BackgroundTask``."""
    names = call.externals
    target = call.arguments.get(0, "func")
    if call.name in ("add_task", "BackgroundTask") and _tidies_up(call, target):
        return v.one(v.Made("starlette.background.BackgroundTask"))
    if any(n == "fastapi_events.dispatcher.dispatch" for n in names):  # its handlers run after the response
        effect(run, frame, call.node, "background_task", source(call))
        return v.UNKNOWN
    if any(n.endswith("BackgroundTask") for n in names):
        effect(run, frame, call.node, "background_task", source(call))
        defer(run, call.arguments.get(0, "func"), rest(call, 1), frame)
        return v.one(v.Made("starlette.background.BackgroundTask"))
    known = any("BackgroundTasks" in name for name in call.owner_names) or any(
        isinstance(atom, v.Instance) and "BackgroundTasks" in atom.cls.outside_bases() for atom in call.owners
    )
    if call.name != "add_task" or not (call.is_foreign or known):
        return None
    is_text = any(isinstance(atom, v.Const | v.Pattern) for atom in target)
    likely = "task" in call.owner_source.lower() or "background" in call.owner_source.lower()
    is_call = bool(call.arguments.nodes) and isinstance(call.arguments.nodes[0], ast.Name | ast.Attribute | ast.Lambda)
    if known or (not is_text and (likely or any(isinstance(a, v.Func) for a in target)) and is_call):
        effect(run, frame, call.node, "background_task", source(call))
        defer(run, target, rest(call, 1), frame)
        return v.UNKNOWN
    return None


def _only_closes(node: ast.AST) -> bool:
    """Return whether a function does nothing but close something."""
    called = {v.last_name(part.func) for part in ast.walk(node) if isinstance(part, ast.Call)}
    return bool(called) and called <= {"close", "aclose"}


def _tidies_up(call: v.Call, target: v.Values) -> bool:
    """Return whether it closes or removes a temporary file once the response is sent (Starlette's FileResponse).

    Of the tree's own functions, an object's ``close`` (of the stream that was sent) and ``delete_file`` do so.
    """
    if not call.arguments.nodes:
        return False
    node = call.arguments.nodes[0]
    own = [atom.function for atom in target if isinstance(atom, v.Func)]
    if own and all(_only_closes(function.node) for function in own):
        return True
    closes = all(
        (function.cls is not None and function.name in ("close", "aclose")) or TIDYING_UP.search(function.name)
        for function in own
    )
    if isinstance(node, ast.Lambda):
        node = node.body.func if isinstance(node.body, ast.Call) else node
        closes = True
    name = v.last_name(node)
    return closes and (name in TIDYING or TIDYING_UP.search(name) is not None)


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
LAMBDA = re.compile(r"(?<![a-z])lambda(?![a-z])|lambda_?client")
AWS_NAMES = {"sfn": "stepfunctions", "states": "stepfunctions", "step": "stepfunctions"}


def aws(run: Machine, call: v.Call, frame: v.Frame) -> v.Values | None:
    """Recognise a function, queue, topic or state machine of AWS, by its client."""
    if call.name not in AWS or not isinstance(call.node.func, ast.Attribute) or not call.is_foreign:
        return None
    service, words = AWS[call.name]
    clients = {
        AWS_NAMES.get(atom.detail, atom.detail)
        for atom in call.owners
        if isinstance(atom, v.Made) and ("boto" in atom.name or atom.name.endswith(("client", "resource")))
    }
    if service in clients or any(word in call.arguments.keywords for word in words) or (
        service == "lambda" and LAMBDA.search(call.owner_source.lower())
    ):  # fmt: skip
        effect(run, frame, call.node, "aws", source(call))
        return v.UNKNOWN
    return None


HTTP_VERBS = frozenset({"get", "post", "put", "patch", "delete", "request", "stream", "urlopen", "fetch"})
HTTP_PACKAGES = frozenset(
    ["requests", "httpx", "aiohttp", "urllib", "urllib3", "urllib2", "niquests", "curl_cffi", "pycurl"]
)
HTTP_WORDS = ("client", "session", "http", "requests", "request")


def _is_http(call: v.Call) -> bool:
    """Return whether a client is asked, and no dict, cache or queue."""
    names = call.owner_names + call.externals
    if names and any(name.split(".", 1)[0] in HTTP_PACKAGES for name in names):
        return True
    last = call.owner_source.rsplit(".", 1)[-1].lower().strip("_").split("(")[0]
    return any(last == word or last.endswith((f"_{word}", word)) for word in HTTP_WORDS) or last in ("c", "ac", "s")


def http(run: Machine, call: v.Call, frame: v.Frame) -> v.Values | None:
    """Recognise requests to the application itself; whether they are is decided when all routes are known."""
    if call.name not in HTTP_VERBS or not call.is_foreign or not _is_http(call):
        return None
    position = 1 if call.name in ("request", "stream") and len(call.arguments.positional) > 1 else 0
    url = call.arguments.get(position, "url")
    clients = [atom.detail for atom in call.owners if isinstance(atom, v.Made) and "://" in atom.detail]
    for atom in url:
        match atom:
            case v.Const(str(text)) | v.Pattern(text):
                holes = atom.holes if isinstance(atom, v.Pattern) else ()
                full = (clients[0].rstrip("/") if clients and text.startswith("/") else "") + text
                if run.known.is_candidate(full, holes):
                    run.known.self_calls.append((full, holes))
                    effect(run, frame, call.node, "self_http", f"{full}\x00{'|'.join(holes)}\x00{source(call)}")
    return None


THREADS = frozenset({"threading.Thread", "threading.Timer", "multiprocessing.Process", "subprocess.Popen"})
OF_THREADS = ("threading.", "multiprocessing.")
GREEN = re.compile(r"(gevent|eventlet)\.(\w+\.)*spawn(_n|_raw|_later|_after)?$")
EXECUTORS = v.word_set("run_in_executor run_coroutine_threadsafe call_soon call_later call_soon_threadsafe start_soon")
APPLIED = frozenset(
    {"run_in_threadpool", "to_thread", "run_sync", "run", "run_until_complete", "gather", "wait_for", "shield"}
)


def asyncio_tasks(run: Machine, call: v.Call, frame: v.Frame) -> v.Values | None:
    """Recognise tasks; one that its function awaits is no background work."""
    names = call.externals
    last = call.owner_source.rsplit(".", 1)[-1].lower()
    if call.name in ("create_task", "ensure_future"):
        outer = any(n.startswith(("asyncio.", "anyio.", "builtins.")) for n in names)
        loop = any("event_loop" in n or "running_loop" in n for n in call.owner_names) or last in ("loop", "asyncio")
        loop = loop or "get_running_loop" in last or "get_event_loop" in last
        if not (outer or loop) or any("TaskGroup" in n for n in names):
            return None
        if not is_awaited(call.node, frame):
            forget_own(call, frame)
            effect(run, frame, call.node, "task", source(call))
            return v.join(*call.arguments.positional, _task(run, call, frame))
        return v.join(*call.arguments.positional)
    if call.name in EXECUTORS:
        if not call.is_foreign or (call.name == "start_soon" and ".state." not in call.owner_source):
            return None  # the task group of an ``async with`` waits
        if call.name.startswith("call_") and _called_back(call) in TIDYING | SIGNALS:
            return v.UNKNOWN
        if call.name == "run_in_executor" and is_awaited(call.node, frame):
            return applied(run, call.arguments.get(1), shifted(call, 2), frame)
        if call.name == "run_coroutine_threadsafe" and (is_joined(call.node, frame) or is_awaited(call.node, frame)):
            return v.join(*call.arguments.positional[:1])
        effect(run, frame, call.node, "task", source(call))
        position = {"run_in_executor": 1, "call_later": 1}.get(call.name, 0)
        defer(run, call.arguments.get(position), shifted(call, position + 1), frame)
        return _task(run, call, frame) if call.name == "run_in_executor" else v.UNKNOWN
    if (
        call.name in APPLIED
        and call.is_foreign
        and any(isinstance(a, v.Func | v.Partial) for a in call.arguments.get(0))
    ):
        return applied(run, call.arguments.get(0), shifted(call, 1), frame)
    return None


def _called_back(call: v.Call) -> str:
    """Return the name of what the thread of a loop calls, also in a lambda."""
    target: ast.expr = call.node.args[1 if call.name == "call_later" else 0] if call.node.args else call.node
    if isinstance(target, ast.Lambda):
        body = target.body.body if isinstance(target.body, ast.IfExp) else target.body
        target = body.func if isinstance(body, ast.Call) else body
    return v.last_name(target)


def _task(run: Machine, call: v.Call, frame: v.Frame) -> v.Values:
    """Return a task that its function does not await; a caller that gets it may."""
    return v.one(v.Made("asyncio.Task", str(run.place(call.node, frame))))


def ended(run: Machine, values: v.Values, node: ast.AST, frame: v.Frame) -> None:
    """Record that tasks, threads or processes which another function started are waited for."""
    for atom in values:
        if isinstance(atom, v.Made) and atom.name in v.STARTED:
            frame.effects.append(Ended(run.place(node, frame), start=atom.detail))


def threads(run: Machine, call: v.Call, frame: v.Frame) -> v.Values | None:
    """Recognise threads, processes and pools of them."""
    names = call.externals
    pool = [
        n for n in call.owner_names if n.endswith(("PoolExecutor", "multiprocessing.Pool", "flask_executor.Executor"))
    ]
    green = any(GREEN.match(n) for n in names)
    is_thread = any(n in THREADS or (n.endswith((".Thread", ".Process")) and n.startswith(OF_THREADS)) for n in names)
    if green or is_thread:
        if not is_joined(call.node, frame):
            effect(run, frame, call.node, "thread", source(call))
            first = 0 if green and call.name in ("spawn", "spawn_n", "spawn_raw") else 1
            given = shifted(call, first + 1) if green else rest(call, 99)
            defer(run, call.arguments.get(first, "target", "function"), given, frame)
        return v.one(v.Made("threading.Thread", str(run.place(call.node, frame))))
    if call.name == "map" and "multiprocessing.Pool" in pool:
        return applied(run, call.arguments.get(0), shifted(call, 1), frame)  # which waits
    if call.name in ("submit", "map", "apply_async") and (pool or call.owner_source.endswith(("executor", "pool"))):
        if not call.is_foreign:
            return None
        if is_joined(call.node, frame) or is_awaited(call.node, frame):
            return applied(run, call.arguments.get(0), shifted(call, 1), frame)
        effect(run, frame, call.node, "thread", source(call))
        defer(run, call.arguments.get(0), shifted(call, 1), frame)
        return v.UNKNOWN
    return None


def thread_objects(run: Machine, call: v.Call, frame: v.Frame) -> v.Values | None:
    """Recognise objects of the tree's own kinds of threads, Flask-SocketIO's threads, and asyncio's processes."""
    names = call.externals
    threads = [a for a in call.owners if isinstance(a, v.Instance) and a.cls.outside_bases() & {"Thread", "Process"}]
    if call.name == "start" and threads and call.is_foreign:
        if not is_joined_by_name(call.node, frame):
            effect(run, frame, call.node, "thread", source(call))
            runs = [v.Func(m.function, a) for a in threads for m in a.cls.lookup("run") if isinstance(m, v.Func)]
            defer(run, v.Values(runs), shifted(call, 99), frame)
        return v.UNKNOWN
    if call.name == "start_background_task" and call.is_foreign:  # Flask-SocketIO's
        effect(run, frame, call.node, "thread", source(call))
        defer(run, call.arguments.get(0, "target"), shifted(call, 1), frame)
        return v.one(v.Made("threading.Thread"))
    if any(n.startswith("asyncio.create_subprocess_") for n in names):
        if not is_joined(call.node, frame) and not is_read(call.node, frame):
            effect(run, frame, call.node, "thread", source(call))
        return v.one(v.Made("threading.Thread", str(run.place(call.node, frame))))
    return None


SCHEDULER_VERBS = v.word_set(
    "start remove_all_jobs pause resume shutdown wakeup add_schedule remove_schedule delete_schedule"
) | {
    f"{verb}_{what}{when}"  # of other libraries' schedulers
    for verb in ("add", "remove", "delete", "pause", "resume", "cancel", "modify", "update", "reschedule", "run")
    for what in ("task", "job")
    for when in ("", "_now", "_immediately")
}
JOB_VERBS = frozenset({"modify", "reschedule", "pause", "resume", "remove"})
BY_ID_VERBS = frozenset({"pause_job", "resume_job", "remove_job"})
"""Of APScheduler they take a job's id and a store's name; a service's method that is called so takes more."""
CLEAR_SCHEDULER_VERBS = frozenset(
    {"add_job", "modify_job", "reschedule_job", "pause_job", "resume_job", "remove_job", "remove_all_jobs"}
)


def scheduler(run: Machine, call: v.Call, frame: v.Frame) -> v.Values | None:
    """Recognise a job that is added, changed or run manually, or the scheduler itself started or stopped."""
    if not isinstance(call.node.func, ast.Attribute) or not call.is_foreign:
        return None
    names = [name.lower() for name in call.owner_names]
    last = call.owner_source.lower().removesuffix("()").rsplit(".", 1)[-1]
    is_made = any(
        "apscheduler" in n or n.rsplit(".", 1)[-1].endswith(("scheduler", "schedulesource"))
        for n in names
        if "get_job" not in n
    )
    is_job = any(n.endswith((".get_job", ".add_job")) for n in names)
    by_name = last.endswith(("scheduler", "sched", "schedule_source"))
    clear = call.name in CLEAR_SCHEDULER_VERBS and not (
        call.name in BY_ID_VERBS and call.arguments.keywords.keys() - {"job_id", "jobstore"}
    )
    if call.name in SCHEDULER_VERBS and (is_made or by_name or clear):
        if call.name in ("add_job", "add_task", "add_schedule"):
            for atom in call.arguments.get(0, "func"):
                if isinstance(atom, v.Func):
                    atom.function.job = True
        effect(run, frame, call.node, "scheduler", source(call))
        if frame.function is not None and call.name in ("add_job", "add_task"):
            defer(run, call.arguments.get(0, "func"), rest(call, 99), frame)
        return v.one(v.Made("apscheduler.add_job"))
    if call.name in JOB_VERBS and is_job:
        effect(run, frame, call.node, "scheduler", source(call))
        return v.UNKNOWN
    if call.name == "func" and is_job:
        effect(run, frame, call.node, "job", source(call))
        return v.UNKNOWN
    if call.name in ("get_job", "get_jobs") and (is_made or by_name):
        job = v.one(v.Made("apscheduler.get_job"))
        return job if call.name == "get_job" else v.one(v.Listing((job,)))
    return None


QUEUE_VERBS = v.word_set(
    "apply_async send_task enqueue_job enqueue_in enqueue_at enqueue_call enqueue_many kiq basic_publish"
)
TASK_VERBS = v.word_set("delay apply_async send send_with_options kiq schedule defer defer_async")
OTHER_VERBS = v.word_set("enqueue start_workflow execute_workflow queue apply run publish")
PREPARES = v.word_set("s si signature subtask configure kicker message message_with_options")
"""Methods of a task that give what is sent later."""
CELERY_TASKS = re.compile(r"celery\..*\.tasks$")
BROKERS = ("aio_pika.", "kombu.", "faststream.")
CANVASES = frozenset({"celery.chain", "celery.group", "celery.chord", "celery.chunks"})
"""What Celery calls workflows: ``group(…)()`` sends them."""


def jobs_and_tasks(run: Machine, call: v.Call, frame: v.Frame) -> v.Values | None:
    """Recognise a task sent to a queue of workers, or a job's function called in the route itself."""
    functions = [atom for atom in (*call.owners, *call.callees) if isinstance(atom, v.Func)]
    tasks = [atom for atom in call.owners if isinstance(atom, v.Func)]
    declared = v.Values(atom for atom in tasks if atom.function.task or "job" in atom.function.decorators)
    if call.name in PREPARES:
        return (v.Values(tasks) if call.name in ("s", "si") else declared) or None
    if call.name in TASK_VERBS and (tasks or any(_is_task_from_outside(atom, call.name) for atom in call.owners)):
        return _queued(run, call, frame, v.Values(tasks), call.arguments)
    if call.name == "queue" and declared:  # Flask-RQ2's
        return _queued(run, call, frame, declared, call.arguments)
    if call.name in ("apply", "run") and declared:
        effect(run, frame, call.node, "job", source(call))
        return v.UNKNOWN
    if _is_sent(call):
        return _queued(run, call, frame)
    if call.name == "enqueue" and call.is_foreign and call.arguments.positional:
        return _queued(run, call, frame, call.arguments.get(0), rest(call, 1))
    if isinstance(call.node.func, ast.Subscript) and any(CELERY_TASKS.match(name) for name in call.externals):
        effect(run, frame, call.node, "job", source(call))
        return v.UNKNOWN
    if (
        functions
        and all(f.function.task for f in functions)
        and all(isinstance(owner, v.ModuleRef) for owner in call.owners)
    ):
        tasked = [f for f in functions if isinstance(f, v.Func)]
        kind: Start = "task_queue" if all(f.function.sent for f in tasked) else "job"
        effect(run, frame, call.node, kind, f"{tasked[0].function.qualified}()")
        defer(run, v.Values(tasked), call.arguments, frame)
        return v.UNKNOWN
    return None


def _is_sent(call: v.Call) -> bool:
    """Return whether a call sends something to a queue, by its name and what it is called on."""
    if call.name in QUEUE_VERBS and not any(isinstance(atom, v.Func) for atom in call.callees):
        return not any(name.endswith("Pool") for name in call.owner_names)
    if any(name in CANVASES for name in call.externals) and not isinstance(call.node.func, ast.Name | ast.Attribute):
        return True
    is_temporal = call.name in ("start_workflow", "execute_workflow") and "task_queue" in call.arguments.keywords
    is_group = call.name == "run" and any(name in ("dramatiq.group", "dramatiq.pipeline") for name in call.owner_names)
    is_published = call.name == "publish" and any(name.startswith(BROKERS) for name in call.owner_names)
    is_unknown_task = call.name == "delay" and all(
        isinstance(atom, v.Instance) and "Task" in atom.cls.outside_bases() for atom in call.owners
    )
    return call.is_foreign and (is_temporal or is_group or is_published or is_unknown_task)


def _queued(
    run: Machine,
    call: v.Call,
    frame: v.Frame,
    tasks: v.Values = v.UNKNOWN,
    given: v.Arguments | None = None,
) -> v.Values:
    if not is_joined(call.node, frame, "get"):
        effect(run, frame, call.node, "task_queue", source(call))
    defer(run, tasks, given or v.Arguments(), frame)
    return v.UNKNOWN


def _is_task_from_outside(owner: v.Atom, verb: str) -> bool:
    """Return whether a task of no function of the tree is meant, or ``dramatiq.actor(Mailing())``."""
    if not isinstance(owner, v.External | v.Made):
        return False
    if verb in ("delay", "apply_async") and (isinstance(owner, v.External) or owner.name.startswith("celery.")):
        return True
    if verb in ("defer", "defer_async"):
        return owner.name.startswith("procrastinate.")
    return verb in ("send", "send_with_options") and owner.name in ("dramatiq.Actor", "dramatiq.actor")


def queues_in_memory(run: Machine, call: v.Call, frame: v.Frame) -> v.Values | None:
    """Recognise work put into a queue from which a worker of the same process takes it."""
    workers = queues.put(run, call, frame)
    if workers is None:
        return None
    effect(run, frame, call.node, "memory_queue", source(call))
    defer(run, workers, v.Arguments(), frame)
    return v.UNKNOWN


def effect(run: Machine, frame: v.Frame, node: ast.AST, kind: Start, what: str) -> None:
    """Record that background work starts here."""
    once = kind in ("task", "thread") and isinstance(node, ast.Call) and is_begun_once(node, frame)
    frame.effects.append(StartsWork(run.place(node, frame), kind=kind, what=what, once=once, methods=frame.methods))


def defer(run: Machine, targets: v.Values, arguments: v.Arguments, frame: v.Frame) -> None:
    """Follow what runs later, for the status fields it writes; they are not the router's own doing."""
    for atom in targets:
        if isinstance(atom, v.Func | v.Partial):
            function, receiver, given = v.called(atom, arguments)
            summary = run.call(function, receiver, given)
            frame.effects.extend(
                replace(inner.by_way_of(function.qualified, frame.methods), deferred=True)
                for inner in summary.effects
                if isinstance(inner, StatusWrite)
            )


def rest(call: v.Call, skip: int) -> v.Arguments:
    """Return the arguments without the first ``skip``, and without those of the scheduler itself."""
    words = {
        name: value
        for name, value in call.arguments.keywords.items()
        if name not in ("id", "trigger", "name", "func", "kwargs", "args")
    }
    positional = list(call.arguments.positional[skip:])
    for atom in call.arguments.keywords.get("args", v.UNKNOWN):
        if isinstance(atom, v.Listing):
            positional = list(atom.items)
    return v.Arguments(positional, words)


def source(call: v.Call, length: int = 70) -> str:
    """Return the call as it is written, cut at ``length``."""
    text = ast.unparse(call.node)
    return text if len(text) <= length else text[: length - 1] + "…"


def forget_own(call: v.Call, frame: v.Frame) -> None:
    """Defer what the evaluation of a coroutine's call recorded as the route's own doing, but that it is a job's."""
    own = frame.effects[call.before :]
    jobs = [inner for inner in own if isinstance(inner, StartsWork) and inner.kind == "job" and not inner.through]
    later = [replace(inner, deferred=True) for inner in own if isinstance(inner, StatusWrite)]
    frame.effects[call.before :] = [*jobs, *later]


def applied(run: Machine, targets: v.Values, arguments: v.Arguments, frame: v.Frame) -> v.Values:
    """Return what the targets give, called now with the arguments."""
    found = []
    for atom in targets:
        if isinstance(atom, v.Func | v.Partial):
            function, receiver, given = v.called(atom, arguments)
            found.append(run.absorb(run.call(function, receiver, given), function.qualified, frame))
    return v.join(*found)


def shifted(call: v.Call, skip: int) -> v.Arguments:
    """Return the arguments without the first ``skip`` of the positional ones."""
    return v.Arguments(list(call.arguments.positional[skip:]), dict(call.arguments.keywords))


WAITING = frozenset({"join", "wait", "communicate", "gather", "wait_for", "shield"})
KINDS = (
    (jobs_and_tasks, TASK_VERBS | PREPARES | QUEUE_VERBS | OTHER_VERBS, True),
    (scheduler, SCHEDULER_VERBS | JOB_VERBS | {"func", "get_job", "get_jobs"}, False),
    (background_tasks, frozenset({"add_task", "BackgroundTask"}), True),
    (asyncio_tasks, APPLIED | EXECUTORS | {"create_task", "ensure_future"}, False),
    (threads, frozenset({"submit", "map", "apply_async"}), True),
    (thread_objects, frozenset({"start", "start_background_task"}), True),
    (queues_in_memory, queues.PUTS | queues.COLLECTS, False),
    (aws, frozenset(AWS), False),
    (http, HTTP_VERBS, False),
)
"""Each recogniser with the names of calls that it looks at, and whether it looks at all that is called outside the tree."""
PER_RECORD = re.compile(r"(^|_)(process\w*|handle\w*|work\w*|job|task|function|func)$")
"""Keywords by which a job hands a function to a loop that calls it for each record."""


def _register(call: v.Call, frame: v.Frame) -> None:
    """Mark functions as jobs that a scheduler of the project's own gets, or that a job hands to a loop over records."""
    given = call.arguments.all() if is_periodic(call.name) else []
    if frame.function is not None and frame.function.job:
        given = [value for name, value in call.arguments.keywords.items() if PER_RECORD.search(name)]
    for function in v.function_in(v.Values(atom for value in given for atom in value)):
        function.job = True


def call(run: Machine, call: v.Call, frame: v.Frame) -> v.Values | None:
    """Record what is started; None when the call is for others to understand."""
    if call.name in WAITING:
        ended(run, v.join(call.owners, *call.arguments.all()), call.node, frame)
    _register(call, frame)
    is_outside = bool(call.externals) or any(function.task for function in v.function_in(call.callees))
    for recognise, names, looks_outside in KINDS:
        if call.name in names or (looks_outside and is_outside):
            given = recognise(run, call, frame)
            if given is not None:
                return given
    return None
