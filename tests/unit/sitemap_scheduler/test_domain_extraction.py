"""The domain that belongs to the website of a business."""

import asyncio
from typing import Any

import pytest

from scrapersky.models import LocalBusiness
from scrapersky.runtime.outcomes import Done, Fail, Outcome
from scrapersky.web.hosts import normalise_host
from sitemap_scheduler.domain_extraction import extract_domain, not_own_hosts, owner_of

NO_CONTEXT: Any = None


def extract(website_url: str | None) -> Outcome:
    business = LocalBusiness(id=1, place_id="ChIJ1", tenant="default", website_url=website_url)
    return asyncio.run(extract_domain(business, NO_CONTEXT))


@pytest.mark.parametrize(
    ("website", "host"),
    [
        ("https://www.Example.co.uk:443/path?x=1#y", "example.co.uk"),
        ("example.com", "example.com"),
        ("http://münchen.de/", "xn--mnchen-3ya.de"),
        ("https://shop.example.com", "shop.example.com"),
        ("https://myname.wixsite.com/home", "myname.wixsite.com"),
        ("https://example.com/@nora?mail=a@b.example", "example.com"),
        ("https://notfacebook.com", "notfacebook.com"),
        ("https://yelp.shop.com", "yelp.shop.com"),
        ("https://amazon-river-tours.com", "amazon-river-tours.com"),
        ("https://googlefan.nl/", "googlefan.nl"),
        ("https://eventbrite.shop.de", "eventbrite.shop.de"),
        ("https://facebook.com.example.org", "facebook.com.example.org"),
    ],
)
def test_a_website_of_its_own_is_linked_to_its_domain(website: str, host: str) -> None:
    outcome = extract(website)
    assert isinstance(outcome, Done)
    assert (outcome.code, outcome.detail["domain"]) == ("linked", host)
    assert outcome.write is not None


@pytest.mark.parametrize(
    ("website", "owner"),
    [
        ("https://www.facebook.com/nailsbynora", "facebook.com"),
        ("https://m.facebook.com/x", "facebook.com"),
        ("https://linktr.ee/nora", "linktr.ee"),
        ("https://bit.ly/3x", "bit.ly"),
        ("https://maps.app.goo.gl/abc", "goo.gl"),
        ("https://sites.google.com/view/x", "google.com"),
        ("instagram.com/nora", "instagram.com"),
        ("https://wa.me/123", "wa.me"),
        ("https://www.yelp.com/biz/nora", "yelp.com"),
        ("https://de.tripadvisor.com.au/x", "tripadvisor.com.au"),
        ("https://www.amazon.co.jp/x", "amazon.co.jp"),
        ("https://www.google.nl/maps/place/x", "google.nl"),
        ("https://www.google.com.mx/search?q=x", "google.com.mx"),
        ("https://deliveroo.fr/menu/x", "deliveroo.fr"),
        ("https://www.just-eat.ie/x", "just-eat.ie"),
        ("https://www.eventbrite.de/e/x", "eventbrite.de"),
        ("https://lieferando.at/x", "lieferando.at"),
        ("https://yandex.com.tr/maps/x", "yandex.com.tr"),
        ("https://articulo.mercadolibre.com.co/x", "mercadolibre.com.co"),
    ],
)
def test_a_page_on_a_shared_site_is_done_with_not_own_website(website: str, owner: str) -> None:
    outcome = extract(website)
    assert isinstance(outcome, Done)
    assert (outcome.code, outcome.detail["belongs_to"]) == ("not_own_website", owner)
    assert outcome.write is None


@pytest.mark.parametrize("website", [None, "", "   "])
def test_a_business_without_a_website_is_done_with_no_website(website: str | None) -> None:
    assert extract(website) == Done("no_website")


@pytest.mark.parametrize(
    "website", ["n/a", "http://10.0.0.1/", "mailto:a@b.example", "nora@gmail.com", "https://co.uk/", "soon to come"]
)
def test_a_text_that_names_no_host_fails_with_the_reason(website: str) -> None:
    outcome = extract(website)
    assert isinstance(outcome, Fail)
    assert outcome.code == "invalid_website"
    assert website in outcome.reason


def test_the_list_contains_normalised_hosts_none_below_another() -> None:
    hosts = not_own_hosts()
    assert len(hosts) > 150
    named = {host for host in hosts if not host.endswith(".*")}
    assert all(normalise_host(host) == host for host in named)
    assert all(host.removesuffix(".*").replace("-", "").isalnum() for host in hosts - named)
    assert not [host for host in named if f"{host.partition('.')[0]}.*" in hosts]
    parents = {parent for host in named if "." in (parent := host.partition(".")[2])}
    assert not [parent for parent in parents if owner_of(parent)]
