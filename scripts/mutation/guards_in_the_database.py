"""Guards in the schema: the triggers and indexes that bind whoever writes."""

from scripts.mutation.mutant import LAYER, Mutant

VERSIONS = f"{LAYER}/migrations/versions"
GUARD = "tests/integration/test_guard.py"


def without(guard: str, text: str, instead: str, file: str = "0002_status_guard", test: str = GUARD) -> Mutant:
    """One change in one migration."""
    return Mutant(guard, ((f"{VERSIONS}/{file}.py", text, instead),), (test,))


IN_THE_DATABASE = (
    without(
        "index: one live attempt",
        '["workflow", "record_id"],\n        unique=True,',
        '["workflow", "record_id"],\n        unique=False,',
        "0001_schema",
        "tests/race/test_claims.py",
    ),
    without("trigger: illegal pairs", "IF NEW.%1$I <> ALL (next_statuses(before)) THEN", "IF false THEN"),
    without(
        "trigger: nobody but the holder leaves Processing",
        "IF before = 'Processing' AND live IS NOT NULL THEN",
        "IF false THEN",
    ),
    without(
        "trigger: nobody enters Processing without an attempt",
        "ELSIF NEW.%1$I = 'Processing' AND live IS NULL THEN",
        "ELSIF false THEN",
    ),
    without(
        "trigger: due_at exactly when Queued",
        "IF (NEW.%1$I = 'Queued') <> (NEW.%2$I IS NOT NULL) THEN",
        "IF false THEN",
    ),
    without(
        "trigger: error_code exactly when Error",
        "IF (NEW.%1$I = 'Error') <> (NEW.%4$I IS NOT NULL) THEN",
        "IF false THEN",
    ),
    without("trigger: queueing sets due_at", "NEW.%2$I := coalesce(NEW.%2$I, now());", "NEW.%2$I := NEW.%2$I;"),
    without(
        "trigger: queueing forgets failures",
        "                NEW.%3$I := 0;\n",
        "                NEW.%3$I := NEW.%3$I;\n",
        test="tests/integration/test_by_hand.py",
    ),
    without(
        "trigger: queueing forgets the error",
        "                NEW.%4$I := NULL;\n",
        "                NEW.%4$I := NEW.%4$I;\n",
    ),
    without("trigger: every change is audited", "WHEN (NEW.%3$I IS DISTINCT FROM OLD.%3$I)", "WHEN (false)"),
    without("trigger: who it was is audited", "        nullif(current_setting('application_name', true), ''),\n", ""),
    without("trigger: history is append-only", "BEFORE UPDATE ON status_events", "AFTER DELETE ON status_events"),
)
