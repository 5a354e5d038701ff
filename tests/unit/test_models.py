"""The models package exports every table."""

from pathlib import Path

from scrapersky import models

WITHOUT_A_TABLE = {"base", "inserts"}


def test_importing_the_package_maps_the_table_of_every_file() -> None:
    files = {file.stem for file in Path(models.__path__[0]).glob("[a-z]*.py")} - WITHOUT_A_TABLE
    tables = {mapper.class_.__module__.rpartition(".")[2] for mapper in models.Base.registry.mappers}
    assert tables == files


def test_every_table_is_exported() -> None:
    mapped = {mapper.class_.__name__ for mapper in models.Base.registry.mappers}
    assert mapped <= vars(models).keys()
