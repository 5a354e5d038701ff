"""The metadata job from the domain to its outcome, on websites served on loopback."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from domain_scheduler.metadata import read_metadata
from scrapersky.models import Domain
from scrapersky.runtime.outcomes import Done, Fail, Outcome, Retry
from scripts.commands.run.internet.website import Answer, RedirectTo, Request, Website
from tests.jobs import Answers, page, run_job

HOME = "<title>Shop</title><p>Welcome to our shop, we sell all kinds of things.</p>"


def read(websites: Mapping[str, Website], directory: Path, domain: str = "shop.example", **settings: Any) -> Outcome:
    return run_job(read_metadata, Domain(id=7, domain=domain), websites, directory, **settings)


def paths(answers: Mapping[str, Answer | Callable[[Request], Answer]]) -> Answers:
    """Return a website with these paths and no others."""

    def answer(request: Request) -> Answer:
        found = answers.get(request.path, Answer(404))
        return found if isinstance(found, Answer) else found(request)

    return Answers(answer)


def html(body: str, **headers: str) -> Answer:
    return Answer(200, body.encode(), {"Content-Type": "text/html; charset=utf-8", **headers})


def assert_read(outcome: Outcome, final_url: str) -> None:
    assert isinstance(outcome, Done), outcome
    assert (outcome.code, outcome.detail["final_url"]) == ("read", final_url)
    assert outcome.write is not None


def assert_failed(outcome: Outcome, code: str) -> None:
    assert isinstance(outcome, Fail), outcome
    assert outcome.code == code
    assert "shop.example" in outcome.reason


def test_the_home_page_is_read_over_https(tmp_path: Path) -> None:
    assert_read(read({"shop.example": page(HOME)}, tmp_path), "https://shop.example/")


def test_a_site_without_https_is_read_over_http(tmp_path: Path) -> None:
    outcome = read({"shop.example": page(HOME)}, tmp_path, without_https=("shop.example",))
    assert_read(outcome, "http://shop.example/")


def test_a_site_that_is_too_busy_for_robots_txt_is_not_read_over_http_instead(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(request: Request) -> Answer:
        asked.append(f"{request.scheme}://{request.host}{request.path}")
        return Answer(503, headers={"Retry-After": "30"}) if len(asked) == 1 else html(HOME)

    outcome = read({"shop.example": Answers(answer), "www.shop.example": page(HOME)}, tmp_path)
    assert isinstance(outcome, Retry), outcome
    assert outcome.code == "robots_unreachable"
    assert asked == ["https://shop.example/robots.txt"]


def test_a_name_that_only_exists_with_www_is_read_there(tmp_path: Path) -> None:
    assert_read(read({"www.shop.example": page(HOME)}, tmp_path), "https://www.shop.example/")


def test_a_domain_stored_as_a_url_is_normalised(tmp_path: Path) -> None:
    outcome = read({"shop.example": page(HOME)}, tmp_path, domain="https://www.Shop.example/x")
    assert_read(outcome, "https://shop.example/")


def test_redirects_are_followed_to_another_host(tmp_path: Path) -> None:
    websites: dict[str, Website] = {"shop.example": RedirectTo("new.example"), "new.example": page(HOME)}
    assert_read(read(websites, tmp_path), "https://new.example/")


def test_a_redirect_inside_the_page_is_followed(tmp_path: Path) -> None:
    site = paths({"/": html('<meta http-equiv="Refresh" content="0; URL=\'/en/\'">'), "/en/": html(HOME)})
    assert_read(read({"shop.example": site}, tmp_path), "https://shop.example/en/")


@pytest.mark.parametrize(
    "interstitial",
    [
        "<script>window.location.href = '/en/';</script>",
        '<body onload=x><p>One moment</p><script>if (a) { location.replace("en/") }</script>',
        "<title>Shop</title><frameset rows='100%,*'><frame src='/en/'><frame src='about:blank'></frameset>",
    ],
)
def test_an_interstitial_page_is_followed(tmp_path: Path, interstitial: str) -> None:
    site = paths({"/": html(interstitial), "/en/": html(HOME)})
    assert_read(read({"shop.example": site}, tmp_path), "https://shop.example/en/")


@pytest.mark.parametrize(
    "own",
    [
        "<script>location.href='/en/';</script>" + "<p>We bake bread, and have done so for a hundred years. " * 10,
        "<div id=root></div><script>function leave() { location.href='/en/'; }</script><script src=/app.js></script>",
        "<p>Bread<script>location.href = 'https:' + location.host;</script>",
        "<frameset><frame src=menu.html><frame src=main.html></frameset><title>Bread</title>",
    ],
)
def test_a_page_with_content_that_may_redirect_is_read_itself(tmp_path: Path, own: str) -> None:
    assert_read(read({"shop.example": page(own)}, tmp_path), "https://shop.example/")


@pytest.mark.parametrize("target", ["/gone/", "https://missing.example/", "/private/"])
def test_a_page_that_redirects_to_an_error_is_read_itself(tmp_path: Path, target: str) -> None:
    refresh = f'<meta http-equiv=refresh content="3; url={target}">'
    rules = Answer(200, b"User-agent: *\nDisallow: /private/", {"Content-Type": "text/plain"})
    site = paths({"/": html(refresh + HOME * 9), "/robots.txt": rules})
    assert_read(read({"shop.example": site}, tmp_path), "https://shop.example/")


def test_an_interstitial_page_that_redirects_to_an_error_fails_with_that_error(tmp_path: Path) -> None:
    site = paths({"/": html('<meta http-equiv=refresh content="0; url=/gone/"><p>One moment')})
    assert_failed(read({"shop.example": site}, tmp_path), "http_404")


def test_endless_redirects_inside_pages_end(tmp_path: Path) -> None:
    def answer(request: Request) -> Answer:
        return html(f'<meta http-equiv=refresh content="1; url=/{len(request.path)}{request.path}">{HOME}')

    outcome = read({"shop.example": Answers(answer)}, tmp_path)
    assert isinstance(outcome, Done)


def test_a_page_that_reloads_itself_is_not_a_redirect(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(request: Request) -> Answer:
        asked.append(request.path)
        return html(f'<meta http-equiv=refresh content="5; url=/"><meta http-equiv=refresh content="5">{HOME}')

    assert_read(read({"shop.example": Answers(answer)}, tmp_path), "https://shop.example/")
    assert asked == ["/robots.txt", "/"]


def test_a_name_that_does_not_exist_is_retried(tmp_path: Path) -> None:
    outcome = read({"other.example": page(HOME)}, tmp_path)
    assert isinstance(outcome, Retry)
    assert outcome.code == "dns"
    assert "www.shop.example" in outcome.reason


def test_robots_txt_is_obeyed_and_not_bypassed_by_another_host(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(request: Request) -> Answer:
        asked.append(request.path)
        return Answer(200, b"User-agent: *\nDisallow: /", {"Content-Type": "text/plain"})

    assert_failed(
        read({"shop.example": Answers(answer), "www.shop.example": page(HOME)}, tmp_path), "robots_disallowed"
    )
    assert set(asked) == {"/robots.txt"}


@pytest.mark.parametrize("status", [401, 403, 404, 410, 429, 451, 500, 503])
def test_an_error_page_ends_with_the_error_of_its_status(tmp_path: Path, status: int) -> None:
    outcome = read({"shop.example": page(HOME, status, Retry_After="9")}, tmp_path)
    assert outcome.code == f"http_{status}"
    if status in {429, 500, 503}:
        assert isinstance(outcome, Retry)
        assert outcome.after == 9
    else:
        assert isinstance(outcome, Fail)


def test_a_404_with_a_challenge_sensor_is_a_404(tmp_path: Path) -> None:
    sensor = "<script src='/cdn-cgi/challenge-platform/scripts/jsd/main.js'></script>"
    assert_failed(read({"shop.example": page(sensor, 404)}, tmp_path), "http_404")


CLOUDFLARE = "<title>Just a moment...</title><script>window._cf_chl_opt={}</script>"


@pytest.mark.parametrize(
    "site",
    [
        page(CLOUDFLARE, 403),
        page(CLOUDFLARE, 503),
        page(HOME, 403, cf_mitigated="challenge"),
        page("", 202, x_amzn_waf_action="captcha"),
        page(HOME, 429, x_vercel_mitigated="challenge"),
        page('<meta http-equiv="refresh" content="0;/.well-known/sgcaptcha/?r=%2F">', 202),
        page("<title>x</title><p>Checking your browser before accessing shop.example"),
        page("<html><body><script src='/_Incapsula_Resource?SWJIYLWA=1'></script></body></html>"),
        page("<script>window._pxAppId='PX1'</script>", 403),
        page("<title>Access denied</title><p>Press & hold to confirm you are a human (and not a bot)."),
    ],
)
def test_a_bot_challenge_fails_with_captcha(tmp_path: Path, site: Answers) -> None:
    assert_failed(read({"shop.example": site}, tmp_path), "captcha")


@pytest.mark.parametrize(
    "site",
    [
        page("<title>shop.example</title><h1>This domain is for sale!</h1>"),
        page("<html data-adblockkey='MFw'><body><div id='target'>related searches</div></body></html>"),
        page("<title>Welcome to nginx!</title><h1>Welcome to nginx!</h1><p>If you see this page..."),
        page("<h1>Account Suspended</h1>"),
        page("<title>Apache2 Ubuntu Default Page: It works</title>"),
        page("<html><body><h1>It works!</h1></body></html>"),
        page("<title>shop.com is for sale</title><p>Make an offer."),
        page("<p>Die Domain shop.de steht zum Verkauf!"),
        page("<title>x</title><a href='https://www.afternic.com/forsale/shop.com'>x</a>"),
    ],
)
def test_a_parked_domain_fails_with_parked(tmp_path: Path, site: Answers) -> None:
    assert_failed(read({"shop.example": site}, tmp_path), "parked")


def test_a_redirect_to_a_parking_service_fails_with_parked(tmp_path: Path) -> None:
    websites: dict[str, Website] = {
        "shop.example": RedirectTo("www.hugedomains.com"),
        "www.hugedomains.com": page(HOME),
    }
    outcome = read(websites, tmp_path)
    assert isinstance(outcome, Fail)
    assert outcome.code == "parked"


def test_the_website_of_a_parking_service_is_read(tmp_path: Path) -> None:
    assert_read(read({"dan.com": page(HOME)}, tmp_path, domain="dan.com"), "https://dan.com/")


def test_a_long_page_may_mention_captchas_and_domains_for_sale(tmp_path: Path) -> None:
    text = HOME + "<p>This domain is for sale, verify you are human, asked the captcha. " + "A sentence more. " * 200
    assert_read(read({"shop.example": page(text)}, tmp_path), "https://shop.example/")


SENSOR = "<script>a.src='/cdn-cgi/challenge-platform/scripts/jsd/main.js'; window._pxAppId='PX1'</script>"


@pytest.mark.parametrize(
    "own",
    [
        "<title>Bakery</title>" + SENSOR,
        "<title>Bakery</title><p>One more step to your wedding cake: call us! This house is for sale, too.",
        "<title>Bakery</title><form><textarea></textarea>Verify you are human: 3 + 4 = <input></form>",
        "<title>Bakery</title><p>We verify you are human and hungry.</p>" + "<a href=/menu>Menu</a>" * 6,
    ],
)
def test_a_short_real_page_is_read_despite_a_marker(tmp_path: Path, own: str) -> None:
    assert_read(read({"shop.example": page(own)}, tmp_path), "https://shop.example/")


def test_a_contact_form_with_a_captcha_is_read(tmp_path: Path) -> None:
    text = HOME + "<script src='https://www.google.com/recaptcha/api.js'></script>"
    assert_read(read({"shop.example": page(text)}, tmp_path), "https://shop.example/")


@pytest.mark.parametrize(
    "site",
    [
        page("%PDF-1.7 …", content_type="application/pdf"),
        page("%PDF-1.7 …"),
        page(b"\x89PNG\r\n\x1a\n", content_type="text/html"),
        page('{"status": "ok"}', content_type="application/json"),
        page('{"status": "ok"}'),
        page("just words", content_type="text/plain"),
        page("<?xml version='1.0'?><rss></rss>", content_type="application/xml"),
    ],
)
def test_a_body_that_is_not_html_fails_with_not_html(tmp_path: Path, site: Answers) -> None:
    assert_failed(read({"shop.example": site}, tmp_path), "not_html")


@pytest.mark.parametrize(
    "site",
    [
        page(HOME, content_type=""),
        page("<!DOCTYPE html>" + HOME, content_type="text/plain"),
        page(HOME, content_type="application/xhtml+xml"),
        page("<html>" + HOME, content_type="application/octet-stream"),
        page(("\ufeff<html>" + HOME).encode("utf-16-le"), content_type=""),
        page("Hello, we are open from nine to five.", content_type="text/html"),
    ],
)
def test_html_is_recognised_by_its_content_where_the_type_is_vague(tmp_path: Path, site: Answers) -> None:
    assert_read(read({"shop.example": site}, tmp_path), "https://shop.example/")


@pytest.mark.parametrize(
    "site",
    [
        page(""),
        page("  \r\n\t "),
        page("", 204),
        page(b"\0" * 100),
        page("<html><head></head><body></body></html>"),
        page("<title> </title><p>&nbsp;</p><!-- nothing -->"),
    ],
)
def test_a_blank_page_fails_with_empty(tmp_path: Path, site: Answers) -> None:
    assert_failed(read({"shop.example": site}, tmp_path), "empty")


def test_a_page_rendered_by_scripts_is_read(tmp_path: Path) -> None:
    site = page("<div id=root></div><script src=/app.js></script>")
    assert_read(read({"shop.example": site}, tmp_path), "https://shop.example/")


def test_a_page_larger_than_the_cap_is_read_up_to_the_cap(tmp_path: Path) -> None:
    site = page(HOME + "<p>more</p>" * 10_000)
    assert_read(read({"shop.example": site}, tmp_path, web_max_page_bytes=5_000), "https://shop.example/")


def test_images_embedded_in_a_page_do_not_count_towards_the_cap(tmp_path: Path) -> None:
    image = f"<img src='data:image/jpeg;base64,{'QUJD' * 5_000}'>"
    site = paths({"/": html(f"{image}<meta http-equiv=refresh content='0; url=/en/'>"), "/en/": html(HOME)})
    assert_read(read({"shop.example": site}, tmp_path, web_max_page_bytes=5_000), "https://shop.example/en/")


@pytest.mark.parametrize("domain", ["no host", "10.0.0.1", "com"])
def test_an_invalid_domain_fails_without_a_request(tmp_path: Path, domain: str) -> None:
    outcome = read({"shop.example": page(HOME)}, tmp_path, domain=domain)
    assert isinstance(outcome, Fail)
    assert outcome.code == "invalid_domain"
