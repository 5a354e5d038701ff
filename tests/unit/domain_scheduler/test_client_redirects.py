"""Redirects inside pages, and the header that does the same."""

import time

import pytest

from domain_scheduler.client_redirects import redirect_target
from tests.unit.domain_scheduler.pages import a_page

SITE = "https://shop.example.com"
CONTENT = "<title>Bakery</title><h1>Bakery</h1><p>Bread</p>"


@pytest.mark.parametrize(
    ("content", "target"),
    [
        ("0; url=/shop/", "/shop/"),
        ("0;URL='/a'", "/a"),
        ("0; url=/my shop/index.html", "/my%20shop/index.html"),
        ("0; url=/it's-us/", "/it's-us/"),
        ("0 url=/shop/", "/shop/"),
        ("0,/shop/", "/shop/"),
        (".5; url=/shop/", "/shop/"),
        ("1.5; url=/shop/", "/shop/"),
        ("0;\n url = /shop/", "/shop/"),
        ("11; url=/shop/", None),
        ("url=/shop/", None),
        ("0url=/shop/", None),
        ("5", None),
        ("", None),
    ],
)
def test_a_refresh_is_read_as_the_standard_describes(content: str, target: str | None) -> None:
    expected = target and SITE + target
    quoted = content.replace("&", "&amp;").replace('"', "&quot;")
    assert redirect_target(a_page(f'<meta http-equiv="Refresh" content="{quoted}">{CONTENT}')) == expected
    assert redirect_target(a_page(CONTENT), content) == expected


@pytest.mark.parametrize("element", ["noscript", "svg", "math", "template"])
def test_a_refresh_that_has_no_effect_where_scripts_run_is_ignored(element: str) -> None:
    refresh = f"<{element}><meta http-equiv=refresh content='0; url=/other/'></{element}>"
    assert redirect_target(a_page(f"{refresh}{CONTENT}")) is None
    assert redirect_target(a_page(f"<body>{CONTENT}{refresh}")) is None
    after = "<meta http-equiv=refresh content='0; url=/real/'>"
    assert redirect_target(a_page(f"{refresh}{CONTENT}{after}")) == f"{SITE}/real/"


def test_a_page_that_reloads_itself_is_no_redirect() -> None:
    assert redirect_target(a_page("<p>Hello", f"{SITE}/"), "0; url=/") is None


@pytest.mark.parametrize("piece", ["0 ", "0;", "1.", "url=", " \n", "0; url='"])
def test_a_long_refresh_takes_linear_time(piece: str) -> None:
    began = time.process_time()
    redirect_target(a_page("<p>Hello"), piece * 200_000)
    assert time.process_time() - began < 1
