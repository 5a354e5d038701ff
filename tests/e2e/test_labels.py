"""The label of a list is carried along all hand-offs."""

import pytest
from sqlalchemy import text

from scrapersky.runtime.registry import WORKFLOWS
from scripts.commands.run.inputs import LABEL
from tests.e2e.conftest import Running


@pytest.mark.parametrize("table", sorted({workflow.table for workflow in WORKFLOWS.values()} - {"exports"}))
def test_what_a_labelled_place_leads_to_has_its_label(running: Running, table: str) -> None:
    # Other tests add domains of their own to the same run.
    own = " WHERE id IN (SELECT domain_id FROM local_businesses)" if table == "domains" else ""
    with running.engine.connect() as connection:
        labels = connection.execute(text(f"SELECT DISTINCT label FROM {table}{own}")).scalars().all()
    assert labels == [LABEL]
