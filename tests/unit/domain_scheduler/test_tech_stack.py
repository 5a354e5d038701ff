"""Technologies and their versions, detected by the page and its headers."""

import re

import pytest

from domain_scheduler.tech_stack import DETECTORS, Detector, read_tech_stack
from scrapersky.web.fetched import Headers
from tests.unit.domain_scheduler.pages import a_page


def found(html: str, *headers: tuple[str, str]) -> dict[str, str | None]:
    return {technology.name: technology.version for technology in read_tech_stack(a_page(html), Headers(headers))}


@pytest.mark.parametrize(
    ("html", "name", "version"),
    [
        ("<meta name=generator content='Joomla! - Open Source Content Management'>", "Joomla", None),
        ("<meta name=generator content='Drupal 10 (https://www.drupal.org)'>", "Drupal", "10"),
        ("<meta name=generator content='Wix.com Website Builder'>", "Wix", None),
        ("<script src='https://static1.squarespace.com/x.js'></script>", "Squarespace", None),
        ("<html data-wf-page=1 data-wf-site=2>", "Webflow", None),
        ("<link rel=stylesheet href='https://cdn.shopify.com/s/x.css'>", "Shopify", None),
        ("<link rel=stylesheet href='//shop.com/cdn/shop/t/5/assets/base.css'>", "Shopify", None),
        ("<script>Shopify.theme = {}</script>", "Shopify", None),
        ("<meta name=generator content='WooCommerce 9.6.1'>", "WooCommerce", "9.6.1"),
        ("<link href='/wp-content/plugins/woocommerce/assets/css/woocommerce.css?ver=8.1.0'>", "WooCommerce", "8.1.0"),
        ("<script src='/theme/0123456789abcdef0123456789abcdef/js/storefront/storefront.js'>", "Shopware", None),
        ("<script>var prestashop = {};</script>", "PrestaShop", None),
        ("<!--\n\tThis website is powered by TYPO3 - inspiring people to share!\n-->", "TYPO3", None),
        ("<script class='joomla-script-options new' type=application/json>{}</script>", "Joomla", None),
        ("<script>self.__next_f.push([1])</script>", "Next.js", None),
        ("<div data-elementor-type=wp-page>", "Elementor", None),
        ("<script src='/_next/static/chunks/main.js'></script>", "Next.js", None),
        ("<script src='/_nuxt/entry.js'></script>", "Nuxt", None),
        ("<meta name=generator content='Gatsby 5.13.1'>", "Gatsby", "5.13.1"),
        ("<meta name=generator content='Hugo 0.123.7'>", "Hugo", "0.123.7"),
        ("<meta name=generator content='Jekyll v4.3.2'>", "Jekyll", "4.3.2"),
        ("<meta name=generator content='Docusaurus v2.0.0-rc.1'>", "Docusaurus", "2.0.0-rc.1"),
        ("<script src='https://www.googletagmanager.com/gtag/js?id=G-1'></script>", "Google Analytics", None),
        ("<script>(w,d,'https://www.googletagmanager.com/gtm.js?id=')</script>", "Google Tag Manager", None),
        ("<script>n.src='https://connect.facebook.net/en_US/fbevents.js'</script>", "Meta Pixel", None),
        ("<script>t.src='https://static.hotjar.com/c/hotjar-'</script>", "Hotjar", None),
        ("<script src='/js/jquery-3.4.1.min.js'></script>", "jQuery", "3.4.1"),
        ("<script src='/wp-includes/js/jquery/jquery.min.js?ver=3.7.1'></script>", "jQuery", "3.7.1"),
        ("<script src='//ajax.googleapis.com/ajax/libs/jquery/1.6.1/jquery.min.js'></script>", "jQuery", "1.6.1"),
        ("<link href='https://cdn.jsdelivr.net/npm/bootstrap@5.3.0/dist/css/bootstrap.min.css'>", "Bootstrap", "5.3.0"),
    ],
)
def test_a_technology_is_detected_by_the_page(html: str, name: str, version: str | None) -> None:
    technologies = found(html)
    assert name in technologies
    assert technologies[name] == version


@pytest.mark.parametrize(
    ("header", "name", "version"),
    [
        (("Server", "nginx/1.18.0 (Ubuntu)"), "nginx", "1.18.0"),
        (("Server", "Apache"), "Apache", None),
        (("server", "cloudflare"), "Cloudflare", None),
        (("CF-RAY", "8a"), "Cloudflare", None),
        (("X-Powered-By", "PHP/8.2.7"), "PHP", "8.2.7"),
        (("Set-Cookie", "a=1; path=/, PHPSESSID=2; path=/"), "PHP", None),
        (("X-Powered-By", "Next.js"), "Next.js", None),
        (("Link", '<https://shop.com/wp-json/>; rel="https://api.w.org/"'), "WordPress", None),
    ],
)
def test_a_technology_is_detected_by_the_headers(header: tuple[str, str], name: str, version: str | None) -> None:
    assert found("<p>x", header) == {name: version}


def test_names_in_the_visible_text_are_no_evidence() -> None:
    assert found("<h1>WordPress, Shopify and jquery.js</h1><p>server: nginx/1.2</p>") == {}


def test_an_image_of_another_site_is_no_evidence() -> None:
    assert found("<img src='https://partner.example.org/wp-content/uploads/a.png'>") == {}
    for own in ("/wp-content/uploads/a.png", "//cdn.example.com/wp-content/uploads/a.png"):
        assert found(f"<img src='{own}'>") == {"WordPress": None}
    assert found("<img src='https://i0.wp.com/shop.example.com/wp-content/uploads/a.png'>") == {"WordPress": None}


def test_evidence_states_where_it_was_found() -> None:
    [technology] = read_tech_stack(a_page("<script src='/a.js'></script><script src='/jquery-3.4.1.js'></script>"), {})
    assert technology.evidence == "script: /jquery-3.4.1.js"


def test_no_detector_has_an_unbounded_repetition() -> None:
    assert not [detector.name for detector in DETECTORS if any(mark in detector.pattern.pattern for mark in ("*", "+"))]


def _runs(pattern: re.Pattern[str]) -> list[str]:
    """Return the literal runs that every match contains, by Python's own parser of patterns."""
    runs = [""]
    for operation, argument in re._parser.parse(pattern.pattern):  # type: ignore[attr-defined]
        if str(operation) == "LITERAL":
            runs[-1] += chr(argument)
        else:
            runs.append("")
    return runs


@pytest.mark.parametrize("detector", DETECTORS, ids=lambda one: f"{one.name} {one.where}")
def test_every_match_of_a_detector_contains_its_literal(detector: Detector) -> None:
    runs = _runs(detector.pattern)
    required = runs if detector.where == "html" else [run.casefold() for run in runs]
    assert any(detector.literal in run for run in required)


def test_a_word_that_only_ends_in_a_detectors_literal_is_no_evidence() -> None:
    assert found("<script>automatomo.js; xgtag('config', 'AW-1')</script>") == {}
    assert found("<script>u + 'matomo.js'; gtag('config', 'AW-1')</script>").keys() == {"Matomo", "Google Ads"}
    assert found("<script>u + 'piwik.php'</script>").keys() == {"Matomo"}
