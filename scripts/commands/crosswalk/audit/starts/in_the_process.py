"""Tasks of asyncio, threads and processes that a route begins and leaves behind."""

from typing import TYPE_CHECKING

from scripts.commands.crosswalk.audit.atoms import (
    UNKNOWN,
    Func,
    Instance,
    Made,
    Partial,
    Values,
    join,
    one,
)
from scripts.commands.crosswalk.audit.scope import Frame
from scripts.commands.crosswalk.audit.starts.recording import (
    applied,
    defer,
    effect,
    forget_own,
    names_of,
    rest,
    shifted,
    source,
)
from scripts.commands.crosswalk.audit.structured import is_awaited, is_joined, is_joined_by_name, is_read

if TYPE_CHECKING:
    from scripts.commands.crosswalk.audit.calls import Call
    from scripts.commands.crosswalk.audit.interpreter import Interpreter

THREADS = frozenset({"threading.Thread", "threading.Timer", "multiprocessing.Process", "subprocess.Popen"})
APPLIED = frozenset(
    {"run_in_threadpool", "to_thread", "run_sync", "run", "run_until_complete", "gather", "wait_for", "shield"}
)


def asyncio_tasks(run: "Interpreter", call: "Call", frame: Frame) -> Values | None:
    """A task that its function awaits is no background work."""
    names = names_of(call.callees)
    last = call.owner_source.rsplit(".", 1)[-1].lower()
    if call.name in ("create_task", "ensure_future"):
        outer = any(n.startswith(("asyncio.", "anyio.", "builtins.")) for n in names)
        loop = any("event_loop" in n or "running_loop" in n for n in names_of(call.owners)) or last in (
            "loop",
            "asyncio",
        )
        loop = loop or "get_running_loop" in last or "get_event_loop" in last
        if not (outer or loop) or any("TaskGroup" in n for n in names):
            return None
        if not is_awaited(call.node, frame):
            forget_own(call, frame)
            effect(run, frame, call.node, "task", source(call))
        return join(*call.arguments.positional)
    if call.name in ("run_in_executor", "run_coroutine_threadsafe", "call_soon", "call_later", "call_soon_threadsafe"):
        if not call.is_foreign:
            return None
        if call.name == "run_in_executor" and is_awaited(call.node, frame):
            return applied(run, call.arguments.get(1), shifted(call, 2), frame)
        if call.name == "run_coroutine_threadsafe" and (is_joined(call.node, frame) or is_awaited(call.node, frame)):
            return join(*call.arguments.positional[:1])
        effect(run, frame, call.node, "task", source(call))
        position = {"run_in_executor": 1, "call_later": 1}.get(call.name, 0)
        defer(run, call.arguments.get(position), shifted(call, position + 1), frame)
        return UNKNOWN
    if call.name in APPLIED and call.is_foreign and any(isinstance(a, Func | Partial) for a in call.arguments.get(0)):
        return applied(run, call.arguments.get(0), shifted(call, 1), frame)
    return None


def threads(run: "Interpreter", call: "Call", frame: Frame) -> Values | None:
    """Threads, processes and pools of them."""
    names = names_of(call.callees)
    pool = [n for n in names_of(call.owners) if n.endswith(("PoolExecutor", "multiprocessing.Pool"))]
    if any(
        n in THREADS or (n.endswith((".Thread", ".Process")) and n.startswith(("threading", "multiprocessing")))
        for n in names
    ):
        if not is_joined(call.node, frame):
            effect(run, frame, call.node, "thread", source(call))
            defer(run, call.arguments.get(1, "target", "function"), rest(call, 99), frame)
        return one(Made("threading.Thread"))
    if call.name == "map" and "multiprocessing.Pool" in pool:
        return applied(run, call.arguments.get(0), shifted(call, 1), frame)  # which waits
    if call.name in ("submit", "map", "apply_async") and (pool or call.owner_source.endswith(("executor", "pool"))):
        if not call.is_foreign:
            return None
        if is_joined(call.node, frame) or is_awaited(call.node, frame):
            return applied(run, call.arguments.get(0), shifted(call, 1), frame)
        effect(run, frame, call.node, "thread", source(call))
        defer(run, call.arguments.get(0), shifted(call, 1), frame)
        return UNKNOWN
    return None


def thread_objects(run: "Interpreter", call: "Call", frame: Frame) -> Values | None:
    """Objects of the tree's own kinds of threads, Flask-SocketIO's threads, and asyncio's processes."""
    names = names_of(call.callees)
    threads = [a for a in call.owners if isinstance(a, Instance) and a.cls.outside_bases() & {"Thread", "Process"}]
    if call.name == "start" and threads and call.is_foreign:
        if not is_joined_by_name(call.node, frame):
            effect(run, frame, call.node, "thread", source(call))
            runs = [Func(m.function, a) for a in threads for m in a.cls.lookup("run") if isinstance(m, Func)]
            defer(run, Values(runs), shifted(call, 99), frame)
        return UNKNOWN
    if call.name == "start_background_task" and call.is_foreign:  # Flask-SocketIO's
        effect(run, frame, call.node, "thread", source(call))
        defer(run, call.arguments.get(0, "target"), shifted(call, 1), frame)
        return one(Made("threading.Thread"))
    if any(n.startswith("asyncio.create_subprocess_") for n in names):
        if not is_joined(call.node, frame) and not is_read(call.node, frame):
            effect(run, frame, call.node, "thread", source(call))
        return one(Made("asyncio.subprocess.Process"))
    return None
