"""Migrations that follow the newest one, in a copy of the folder."""

import shutil
from pathlib import Path

import pytest

from scrapersky import migrations

NEXT_MIGRATION = '''
"""A new table, then a column on the busiest one."""
import sqlalchemy as sa
from alembic import op
revision, down_revision = "next_migration", "{head}"
def upgrade():
    op.create_table("novelties", sa.Column("id", sa.BigInteger(), primary_key=True))
    op.add_column("domains", sa.Column("novelty", sa.Text()))
'''
NEXT_GUARD = '''
"""The guard of a workflow, again."""
from alembic import op
from scrapersky.migrations import guard
revision, down_revision = "next_guard", "{head}"
def upgrade():
    guard.install(op.get_bind(), [("domains", "status", "metadata"), ("sitemaps", "status", "discovery")])
'''


NEXT_ONLINE = '''
"""An index, without blocking writers."""
from alembic import op
from scrapersky.migrations import online as steps
revision, down_revision, online = "next_online", "{head}", True
def upgrade():
    steps.create_index(op.get_bind(), "ix_of_tomorrow", "domains (title)")
'''


def add_migration(migration: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Add ``migration`` to a copy of the migrations, and use the copy. Return its folder."""
    location = tmp_path / "migrations"
    if not location.exists():
        shutil.copytree(migrations.LOCATION, location, ignore=shutil.ignore_patterns("__pycache__"))
    number = len(list((location / "versions").iterdir()))
    (location / "versions" / f"{9000 + number}_next.py").write_text(migration)
    monkeypatch.setattr(migrations, "LOCATION", location)
    return location
