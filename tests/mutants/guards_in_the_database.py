"""Guards in the schema: the triggers and indexes that bind whoever writes."""

from tests.mutants.mutant import LAYER, Mutant

VERSIONS = f"{LAYER}/migrations/versions"
GUARD = "tests/integration/test_guard.py"
BY_HAND = "tests/integration/test_by_hand.py"
FIRST_GUARD = "0002_status_guard"
BESIDE_IT = "0005_guard_of_attempts"
GUARDS = "0006_guard_by_statement"
PAST_ITS_ATTEMPT = "IF passes AND (live IS NOT NULL) <> (NEW.%1$I = 'Processing') THEN"
ILLEGAL = "IF NEW.%1$I <> ALL (next_statuses(before)) THEN"


def without(guard: str, text: str, instead: str, file: str = GUARDS, test: str = GUARD) -> Mutant:
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
    Mutant(
        "trigger: illegal pairs",
        tuple(
            (f"{VERSIONS}/{GUARDS}.py", after + ILLEGAL, f"{after}IF false THEN")
            for after in ("FROM before THEN\n            ", "made of it.\n        ")
        ),
        (GUARD,),
    ),
    without(
        "trigger: illegal pairs made by a later trigger",
        f"made of it.\n        {ILLEGAL}",
        "made of it.\n        IF false THEN",
        test=BY_HAND,
    ),
    without(
        "trigger: by what has changed, not by what a statement names",
        "BEFORE UPDATE ON %2$s FOR EACH ROW WHEN (",
        "BEFORE UPDATE OF %3$I ON %2$s FOR EACH ROW WHEN (",
        test=BY_HAND,
    ),
    without(
        "trigger: nobody but the holder leaves Processing",
        PAST_ITS_ATTEMPT,
        "IF passes AND live IS NULL AND NEW.%1$I = 'Processing' THEN",
    ),
    without(
        "trigger: nobody enters Processing without an attempt",
        PAST_ITS_ATTEMPT,
        "IF passes AND live IS NOT NULL AND NEW.%1$I <> 'Processing' THEN",
    ),
    without(
        "trigger: due_at exactly when Queued",
        "WHEN (NEW.%1$I = 'Queued') <> (NEW.%2$I IS NOT NULL) THEN",
        "WHEN false THEN",
    ),
    without(
        "trigger: error_code exactly when Error",
        "WHEN (NEW.%1$I = 'Error') <> (NEW.%4$I IS NOT NULL) THEN",
        "WHEN false THEN",
    ),
    without(
        "trigger: due_at comes",
        "WHEN NEW.%2$I NOT BETWEEN '0001-01-01' AND '9999-12-31' THEN",
        "WHEN false THEN",
        test=BY_HAND,
    ),
    without("trigger: failures in bounds", "WHEN NEW.%3$I NOT BETWEEN 0 AND 9999 THEN", "WHEN false THEN"),
    without(
        "trigger: error only when Error", "WHEN NEW.%5$I IS NOT NULL AND NEW.%1$I <> 'Error' THEN", "WHEN false THEN"
    ),
    without(
        "trigger: what is held is not deleted",
        "        IF live IS NOT NULL THEN",
        "        IF false THEN",
        test=BY_HAND,
    ),
    without("trigger: what is held is not emptied", "    IF FOUND THEN", "    IF false THEN", BESIDE_IT, BY_HAND),
    without("trigger: an id is for ever", "IF NEW.id <> OLD.id THEN", "IF false THEN", test=BY_HAND),
    without(
        "trigger: an attempt is one record's for ever",
        "(OLD.attempt_id, OLD.workflow, OLD.record_id) IS DISTINCT FROM (NEW.attempt_id, NEW.workflow, NEW.record_id)",
        "false",
        BESIDE_IT,
        BY_HAND,
    ),
    without("trigger: a lease ends", "WHEN (NOT isfinite(NEW.lease_until))", "WHEN (false)", BESIDE_IT, BY_HAND),
    without(
        "trigger: no live attempt ends beside its record",
        "IF now_is = 'Processing' AND NOT live THEN",
        "IF false THEN",
        test=BY_HAND,
    ),
    without(
        "trigger: no live attempt without a record that is Processing",
        "ELSIF live AND now_is IS DISTINCT FROM 'Processing' THEN",
        "ELSIF false THEN",
        test=BY_HAND,
    ),
    without(
        "trigger: attempts made and ended are held against their records",
        "AND (finished_at IS NULL) <> coalesce(",
        "AND false AND (finished_at IS NULL) <> coalesce(",
        test=BY_HAND,
    ),
    without(
        "trigger: and those of each workflow",
        "TG_OP = 'INSERT' OR finished_at IS NOT NULL);",
        "TG_OP = 'INSERT' OR finished_at IS NOT NULL LIMIT 1);",
        test=BY_HAND,
    ),
    without(
        "trigger: no ended attempt begins again beside its record",
        "WHEN (OLD.finished_at IS NOT NULL AND NEW.finished_at IS NULL)",
        "WHEN (false)",
        test=BY_HAND,
    ),
    without(
        "trigger: no live attempt is deleted beside its record",
        "WHEN (OLD.finished_at IS NULL) EXECUTE FUNCTION doubt_attempt()",
        "WHEN (false) EXECUTE FUNCTION doubt_attempt()",
        test=BY_HAND,
    ),
    without(
        "trigger: a hand has until the commit",
        "AFTER INSERT ON unsettled DEFERRABLE INITIALLY DEFERRED",
        "AFTER INSERT ON unsettled DEFERRABLE INITIALLY IMMEDIATE",
        test=BY_HAND,
    ),
    without(
        "trigger: what is settled is forgotten",
        "    DELETE FROM unsettled WHERE attempt_id = NEW.attempt_id;\n",
        "",
        test=BY_HAND,
    ),
    without("trigger: queueing sets due_at", "NEW.%2$I := coalesce(NEW.%2$I, now());", "NEW.%2$I := NEW.%2$I;"),
    without(
        "trigger: queueing forgets failures",
        "                NEW.%3$I := 0;\n",
        "                NEW.%3$I := NEW.%3$I;\n",
        test=BY_HAND,
    ),
    without(
        "trigger: queueing forgets the error",
        "                NEW.%4$I := NULL;\n",
        "                NEW.%4$I := NEW.%4$I;\n",
    ),
    without("trigger: every change is audited", "WHEN (NEW.%3$I IS DISTINCT FROM OLD.%3$I)", "WHEN (false)"),
    without(
        "trigger: who it was is audited",
        "        nullif(current_setting('application_name', true), ''),\n",
        "",
        FIRST_GUARD,
    ),
    without(
        "trigger: history is append-only",
        "BEFORE UPDATE ON status_events",
        "AFTER DELETE ON status_events",
        FIRST_GUARD,
    ),
)
