"""The tests that must notice a mutant, by the file that it changes: the quickest and most likely ones first."""

from tests.mutants.mutant import LAYER

INTEGRATION = "tests/integration/test_{}.py"


def _integration(*names: str) -> tuple[str, ...]:
    return tuple(INTEGRATION.format(name) for name in names)


RACES = ("tests/race/test_ends.py", "tests/race/test_claims.py", "tests/race/test_between_statements.py")
VERBS = (*_integration("effects", "verbs"), *RACES, "tests/race/test_lock_order.py")
PULL = (*_integration("effects", "pull", "reads"), "tests/race/test_pulls.py")
PLACES = (
    "tests/unit/sitemap_scheduler/test_deep_scan.py",
    "tests/unit/sitemap_scheduler/test_place_mapping.py",
    *_integration("place_search"),
)
TESTS = {
    "status/budget": ("tests/race/test_budget.py", *_integration("verbs", "runtime", "proxy_budget")),
    "status/claim": (*VERBS, *PULL),
    "status/pull": PULL,
    "runtime/labels": _integration("labels"),
    "runtime/input_model": ("tests/unit/runtime/test_input_model.py", *_integration("manual")),
    "runtime/manual": _integration("manual", "command_line"),
    "runtime/context": ("tests/unit/runtime/test_context.py", *_integration("runtime", "deadlines")),
    "runtime/messages": (
        "tests/unit/runtime/test_messages.py",
        *_integration("runtime", "isolation", "deadlines", "transition_lines"),
    ),
    "runtime/outcomes": ("tests/unit/test_errors.py", *_integration("runtime", "isolation", "results")),
    "runtime/paid_calls": (*PLACES, *_integration("proxy_budget")),
    "runtime/places_api": PLACES,
    "runtime/payloads": _integration("manual", "dead_letter", "command_line"),
    "runtime/records": _integration("records", "manual"),
    "runtime/registry": ("tests/unit/runtime/test_registry.py", *_integration("runtime", "isolation")),
    "runtime/results": _integration("results", "isolation", "runtime"),
    "runtime/tick": _integration("runtime", "isolation", "refresh", "retention", "deadlines"),
    "runtime/puller": _integration("pulling"),
    "runtime/batch": _integration("runtime", "pulling", "isolation"),
    "runtime/work": _integration("runtime", "isolation", "pulling", "broken_connections"),
    "status/control": (*_integration("pauses", "manual", "verbs", "runtime"), "tests/race/test_pauses.py"),
    "status/finish": (*VERBS, *_integration("reads", "results")),
    "status/dead_letter": (*VERBS, *_integration("dead_letter")),
    "status/dispatch": _integration("isolation", "runtime"),
    "status/explain": ("tests/unit/status/test_explain.py", *_integration("reads", "manual")),
    "status/gauges": _integration("reads", "verbs", "runtime", "manual"),
    "status/invariants": _integration("manual_sql", "verbs", "doctor"),
    "status/refresh": _integration("refresh"),
    "status/requeue": (*VERBS, *_integration("statements", "page_hand_offs", "list_plans")),
    "status/retention": _integration("retention"),
    "status/workflow": (*VERBS, *_integration("records", "place_search")),
    "status/records": _integration("reads", "records", "manual"),
    "status": VERBS,
    "runtime": _integration("runtime", "isolation", "manual", "broken_connections", "proxy_budget"),
    "migrations/changes": _integration("changes", "suppression"),
    "migrations/protection": _integration("suppression", "erasure", "contacts"),
    "migrations": _integration("guard", "manual_sql", "verbs", "retention"),
}


def tests_of(file: str) -> tuple[str, ...]:
    """Return the tests for mutants of ``file``, a path from the project's root."""
    name = file.removeprefix(f"{LAYER}/").partition(".")[0]
    return next(tests for part, tests in TESTS.items() if name.startswith(part))
