"""The areas of map searches."""

import pytest

from scrapersky.areas import AreaError, Rectangle, most_calls, rectangle_of, tidy_area
from scrapersky.settings import Settings


@pytest.mark.parametrize("area", ["Riverside", "São Paulo", "  New   York ", "92501 Riverside"])
def test_a_text_with_letters_is_the_name_of_a_town(area: str) -> None:
    assert rectangle_of(area) is None
    assert tidy_area(area) == " ".join(area.split())


def test_the_same_rectangle_is_stored_in_one_form() -> None:
    assert (
        tidy_area("33.90, -117.450,34 ,-117.3") == tidy_area(" 33.9,-117.45,34.0,-117.3 ") == "33.9,-117.45,34,-117.3"
    )


@pytest.mark.parametrize(
    ("area", "why"),
    [
        ("", "write the name of a town"),
        ("12345", "1 numbers"),
        ("1,2,3", "3 numbers"),
        ("1,2,3,4,5", "5 numbers"),
        ("34,-117,33,-116", "south 34 must be less than its north 33"),
        ("-91,0,0,1", "from -90 to 90"),
        ("0,0,1,181", "from -180 to 180"),
        ("0,-100,1,100", "200 degrees wide"),
        ("0,5,1,5", "0 degrees wide"),
        ("x" * 201, "write the name of a town"),
    ],
)
def test_an_area_that_is_neither_is_refused_with_the_reason(area: str, why: str) -> None:
    with pytest.raises(AreaError, match=why):
        rectangle_of(area)


def test_the_quarters_cover_the_rectangle_without_a_gap() -> None:
    assert Rectangle(0, 10, 2, 14).quarters() == [(0, 10, 1, 12), (0, 12, 1, 14), (1, 10, 2, 12), (1, 12, 2, 14)]


def test_a_rectangle_may_cross_the_180th_meridian() -> None:
    fiji = Rectangle(-20, 176, -10, -178)
    assert (fiji.problem, fiji.width) == (None, 6)
    assert {(one.west, one.east) for one in fiji.quarters()} == {(176, 179), (179, -178)}
    assert {(one.west, one.east) for one in Rectangle(0, 176, 1, -170).quarters()} == {(176, -177), (-177, -170)}


def test_the_most_calls_are_three_for_each_tile_and_one_for_a_town_within_the_budget() -> None:
    free = {"place_search_calls_per_search": 1_000_000}
    for splits, tiles in ((0, 1), (1, 5), (2, 21)):
        settings = Settings.model_validate(free | {"place_search_max_splits": splits})
        assert most_calls("0,0,1,1", settings) == 3 * tiles
        assert most_calls("Riverside", settings) == 3 * tiles + 1
    assert most_calls("Riverside", Settings(place_search_calls_per_search=10)) == 10
