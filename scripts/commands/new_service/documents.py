"""What is added to documents and to the API's view: each addition stands where the others of its kind stand."""

import hashlib
import json
import re

from scripts.commands.new_service.wish import Refused, Wish

SERVICES_END = "## Settings\n"
SAM_ROW = re.compile(r"^\| [\w-]+ \| `\w+` \| .+ \|\n", re.MULTILINE)
QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/the-{}-queue-of-the-stacks-outputs"


def with_half_page(page: str, half_page: str) -> str:
    """The architecture page with the service's own half page after the others'."""
    if page.count(f"\n{SERVICES_END}") != 1:
        raise Refused(
            f"docs/BACKGROUND_SERVICES_ARCHITECTURE.md: {SERVICES_END.strip()!r} is right once, after the services"
        )
    return page.replace(f"\n{SERVICES_END}", f"\n{half_page}{SERVICES_END}")


def logical_id(wish: Wish) -> str:
    """The function's logical id in the template: CDK's own rule, the path's words and a hash of the path."""
    construct = "".join(word.capitalize() for word in wish.service.split("-"))
    path = f"{construct}/Function/Resource"
    return f"{construct}Function{hashlib.md5(path.encode(), usedforsecurity=False).hexdigest()[:8].upper()}"


def with_sam_row(page: str, wish: Wish) -> str:
    """docs/sam-local.md with the function's row, before the functions that are no services."""
    rows = list(SAM_ROW.finditer(page))
    before = next((row for row in rows if row[0].startswith("| dead-letter ")), None)
    if before is None:
        raise Refused("docs/sam-local.md has no row of dead-letter, before which the service's row belongs")
    files = ", ".join(f"`functions/{wish.folder}/events/{name}.json`" for name in ("batch", "manual", "tick"))
    row = f"| {wish.service} | `{logical_id(wish)}` | {files} |\n"
    return page[: before.start()] + row + page[before.start() :]


def with_sam_environment(text: str, wish: Wish) -> str:
    """scripts/sam/environment.json with what only CloudFormation knows of the function."""
    known = json.loads(text)
    known[logical_id(wish)] = {
        "QUEUE_URL": QUEUE.format(wish.service),
        "DATABASE_SECRET": "scrapersky/dev/database",
        "POWERTOOLS_LOG_LEVEL": "DEBUG",
    }
    return json.dumps(known, indent=2) + "\n"


def with_view_fields(text: str, wish: Wish) -> str:
    """The API's view of the model with the field and its companions, so that people can see and filter by them."""
    if text.count("    created_at: datetime\n") != 1:
        raise Refused(f"the API's view of {wish.model.__name__} lacks created_at, before which the field belongs")
    fields = "".join(
        f"    {wish.prefix}{name}: {kind}\n"
        for name, kind in (
            ("status", "Status"),
            ("due_at", "datetime | None"),
            ("failures", "int"),
            ("error_code", "str | None"),
            ("error", "str | None"),
        )
    )
    text = text.replace("    created_at: datetime\n", f"{fields}    created_at: datetime\n")
    return re.sub(r"^from scrapersky\.models\.vocabulary import Curation$", r"\g<0>, Status", text, flags=re.MULTILINE)
