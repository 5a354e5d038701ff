"""The models package: tables are mapped when somebody asks for them."""

import subprocess
import sys
from pathlib import Path

import pytest

from scrapersky import models

WITHOUT_A_TABLE = {"base", "limits", "vocabulary"}

MAPPED_FOR = """
import sys
from scrapersky.models import {name}
print(*sorted(name.rpartition(".")[2] for name in sys.modules if name.startswith("scrapersky.models.")))
"""


@pytest.mark.parametrize(
    ("name", "mapped"),
    [
        ("Status", set()),
        ("LocalBusiness", {"base", "local_business"}),
        ("SitemapFile", {"base", "domain", "sitemap_file"}),
    ],
)
def test_who_asks_for_a_table_gets_it_and_those_it_needs(name: str, mapped: set[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", MAPPED_FOR.format(name=name)], capture_output=True, text=True, check=True
    )
    assert set(ran.stdout.split()) - {"limits", "vocabulary"} == mapped


def test_who_asks_for_base_gets_the_tables_of_all_files() -> None:
    files = {file.stem for file in Path(models.__path__[0]).glob("[a-z]*.py")} - WITHOUT_A_TABLE
    tables = {mapper.class_.__module__.rpartition(".")[2] for mapper in models.Base.registry.mappers}
    assert tables == files
    assert len(models.TABLES) == len(files)


def test_a_name_that_is_no_table_is_told_those_that_are() -> None:
    with pytest.raises(AttributeError, match=r"has no 'Domian'; its tables are Attempt, Domain, "):
        _ = models.Domian
