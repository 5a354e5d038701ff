"""Make a project of many lines, to measure how long the audit takes: ``python -m tests.audit.large_tree FOLDER [LINES]``.

Each of its packages has 1,000 lines: a model, a service whose methods call each other, a router of ten routes that call
the service, and code that no route reaches."""

import sys
from pathlib import Path

MODEL = """import enum

from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase): ...


class Status(enum.StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    FAILED = "failed"


class Job{n}(Base):
    __tablename__ = "jobs_{n}"
    id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[Status]
"""
METHOD = """
    def step_{i}(self, job: Job{n}, words: list[str]) -> dict[str, str]:
        found = {{}}
        for word in words:
            if word.startswith("x{i}"):
                found[word] = self.names.get(word, "unknown")
            elif len(word) > {i}:
                found[word] = word.strip().lower()
        job.name = ", ".join(sorted(found))
        return {{**found, **(self.step_{next}(job, words[1:]) if {i} < 9 else {{}})}}
"""
ROUTE = """

@router.post("/jobs-{n}/{{id}}/step-{i}")
def route_{i}(id: int, words: list[str], session: Session = Depends(get_session)):
    job = session.get(Job{n}, id)
    job.status = Status.QUEUED
    found = Service{n}(session).step_{i}(job, words)
    session.commit()
    return found
"""
UNUSED = '''

def report_{i}(rows: list[dict[str, int]]) -> int:
    """Add up what the rows of a report have in common."""
    total = 0
    for row in rows:
        total += sum(row.get(key, 0) for key in ("first", "second", "third"))
    return total
'''


def package(n: int) -> dict[str, str]:
    """Return the files of one package, 1,000 lines in all."""
    service = f"from .models import Job{n}\n\n\nclass Service{n}:\n    def __init__(self, session):\n"
    service += "        self.session, self.names = session, {}\n"
    service += "".join(METHOD.format(n=n, i=i, next=i + 1) for i in range(10))
    router = "from fastapi import APIRouter, Depends\nfrom sqlalchemy.orm import Session\n\n"
    router += "from ..database import get_session\n"
    router += f"from .models import Job{n}, Status\nfrom .service import Service{n}\n\nrouter = APIRouter()\n"
    router += "".join(ROUTE.format(n=n, i=i) for i in range(10))
    files = {"models.py": MODEL.format(n=n), "service.py": service, "router.py": router, "__init__.py": ""}
    left = 1_000 - sum(text.count("\n") for text in files.values())
    return {**files, "reports.py": "".join(UNUSED.format(i=i) for i in range(left // UNUSED.count("\n") + 1))}


def main(folder: Path, lines: int) -> None:
    """Write the project: an application that includes the router of each package."""
    numbers = range(lines // 1_000)
    files = {f"app/part_{n}/{name}": text for n in numbers for name, text in package(n).items()}
    files["app/__init__.py"] = files["pyproject.toml"] = ""
    files["app/database.py"] = "def get_session():\n    yield maker()\n"
    names = "".join(f"from .part_{n}.router import router as router_{n}\n" for n in numbers)
    included = "".join(f"app.include_router(router_{n})\n" for n in numbers)
    files["app/main.py"] = f"from fastapi import FastAPI\n\n{names}\napp = FastAPI()\n{included}"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 500_000)
