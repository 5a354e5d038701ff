"""What a scan makes of one url."""

import pytest

from scrapersky.models import DiscoveryMethod
from sitemap_scheduler.finding import Finding


@pytest.mark.parametrize(
    ("result", "valid"),
    [
        ("sitemap", True),
        ("not_xml", False),
        ("http_404", False),
        ("http_503", None),
        ("not_tried", None),
        ("host_busy", None),
        ("host_resting", None),
        ("budget_of_the_record", None),
    ],
)
def test_a_file_that_was_not_asked_for_is_neither_valid_nor_invalid(result: str, valid: bool | None) -> None:
    named = Finding("https://shop.test/s.xml", DiscoveryMethod.ROBOTS_TXT, result)
    assert named.is_valid is valid
    assert named.worth_keeping
