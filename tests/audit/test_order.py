"""What is found does not depend on the hashes of texts or on addresses in memory."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LETTERS = "abcdefgh"
STEPS = "".join(f"    row.step_{number} = number\n" for number in range(3_600))
ROUTER = f"""
from fastapi import APIRouter
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase): ...

class Page(Base):
    __tablename__ = "pages"
    status: Mapped[str] = mapped_column(String)

class Ending:
    def __init__(self, word):
        self.word = word

    def finish(self, row: Page):
        stamp(row, self.word)

def stamp(row: Page, word):
    number = 1
{STEPS}    row.status = word

ENDINGS = {{{", ".join(f"'{letter}': Ending('{letter}')" for letter in LETTERS)}}}
router = APIRouter()

@router.post("/pages/{{ending}}")
def end(ending: str):
    ENDINGS[ending].finish(Page())
"""
"""Eight objects that all lead to a function which is too costly to be followed for more than four of them."""


def audited(project: Path, seed: int) -> str:
    """The audit's JSON of ``project``, in a process whose texts have other hashes for another seed."""
    command = [sys.executable, "-m", "scripts.commands.crosswalk", "audit", str(project), "--json"]
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_which_ways_of_a_costly_function_are_followed_is_the_same_for_every_seed_of_hashes(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "router.py").write_text(ROUTER)
    first, second = (audited(tmp_path, seed) for seed in (1, 2))
    words = re.findall(r'"values": \[\s*"(\w)"', first)
    assert 0 < len(words) < len(LETTERS), "all ways were followed, so that their order does not matter"
    assert '"functions_followed_by_annotations_only": 2' in first
    assert first == second
