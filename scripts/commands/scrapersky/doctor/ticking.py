"""Ticking: the rules that press each service's schedule."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.commands.scrapersky.doctor.deployed import Deployed
from scripts.commands.scrapersky.doctor.finding import Finding

WHY = "nothing is claimed or recovered; steps that were switched off once went unseen for ten weeks"


def check_ticking(deployed: Deployed) -> Iterator[Finding]:
    """There is a rule, it is enabled, and it ticks as often as the setting says."""
    every = deployed.own.interval_minutes
    wanted = f"rate({every} minute{'' if every == 1 else 's'})"
    rules = deployed.stage.rules(deployed.function["FunctionArn"])
    if not rules:
        yield deployed.finding(
            "schedule_missing", f"no rule ticks {deployed.name}", where=deployed.name, why=WHY, run=deployed.deploy
        )
    for rule in rules:
        name = rule["Name"]
        if rule.get("State") == "DISABLED":
            yield deployed.finding(
                "schedule_disabled",
                "its rule is disabled",
                where=f"rule {name}",
                why=WHY,
                run=f"aws events enable-rule --name {name}",
            )
        if rule.get("ScheduleExpression") != wanted:
            yield deployed.finding(
                "schedule_differs",
                f"its rule says {rule.get('ScheduleExpression')};"
                f" {deployed.service.env_prefix}_INTERVAL_MINUTES says {wanted}",
                where=f"rule {name}",
                why="records wait longer than anybody expects, or ticks cost more",
                run=f"aws events put-rule --name {name} --schedule-expression '{wanted}'",
            )
