"""Profiles on social networks."""

import pytest

from scrapersky import contacts
from scrapersky.extraction.socials import NETWORKS, profile_of, read_socials
from tests.unit.domain_scheduler.pages import a_page


@pytest.mark.parametrize(
    ("link", "network", "url"),
    [
        ("https://www.facebook.com/smile/?ref=x", "facebook", "https://www.facebook.com/smile/"),
        ("//facebook.com/smile", "facebook", "https://facebook.com/smile"),
        ("https://m.facebook.com/smile", "facebook", "https://m.facebook.com/smile"),
        ("http://fb.com/smile", "facebook", "https://fb.com/smile"),
        (
            "https://www.facebook.com/profile.php?id=615&ref=x",
            "facebook",
            "https://www.facebook.com/profile.php?id=615",
        ),
        ("https://www.facebook.com/pages/Smile/123", "facebook", "https://www.facebook.com/pages/Smile/123"),
        ("https://www.facebook.com/share/1B8LxFEstA/", "facebook", "https://www.facebook.com/share/1B8LxFEstA/"),
        ("https://twitter.com/smile", "twitter", "https://twitter.com/smile"),
        ("https://x.com/smile#top", "twitter", "https://x.com/smile"),
        ("https://twitter.com/#!/smile", "twitter", "https://twitter.com/smile"),
        ("www.facebook.com/smile", "facebook", "https://www.facebook.com/smile"),
        ("instagram.com/smile", "instagram", "https://instagram.com/smile"),
        ("https://www.linkedin.com/company/smile/", "linkedin", "https://www.linkedin.com/company/smile/"),
        ("https://de.linkedin.com/in/jo-doe", "linkedin", "https://de.linkedin.com/in/jo-doe"),
        ("https://www.instagram.com/su.tu.ra/?igsh=x", "instagram", "https://www.instagram.com/su.tu.ra/"),
        ("https://youtube.com/@smile", "youtube", "https://youtube.com/@smile"),
        ("https://www.youtube.com/channel/UC1?sub=1", "youtube", "https://www.youtube.com/channel/UC1"),
        ("https://www.youtube.com/smile", "youtube", "https://www.youtube.com/smile"),
        ("https://www.tiktok.com/@smile?lang=en", "tiktok", "https://www.tiktok.com/@smile"),
        ("https://www.pinterest.co.uk/smile/", "pinterest", "https://www.pinterest.co.uk/smile/"),
        ("https://www.pinterest.at/smile/", "pinterest", "https://www.pinterest.at/smile/"),
        ("https://www.facebook.com/smile/photos", "facebook", "https://www.facebook.com/smile/photos"),
        ("https://de-de.facebook.com/smile", "facebook", "https://de-de.facebook.com/smile"),
        ("https://mobile.twitter.com/smile", "twitter", "https://mobile.twitter.com/smile"),
        ("https://br.pinterest.com/smile/", "pinterest", "https://br.pinterest.com/smile/"),
        ("https://www.linkedin.com/in/brand", "linkedin", "https://www.linkedin.com/in/brand"),
        ("https://www.linkedin.com/company/jo-%26-sons/", "linkedin", "https://www.linkedin.com/company/jo-%26-sons/"),
        ("https://www.linkedin.com/company/jo-&-sons", "linkedin", "https://www.linkedin.com/company/jo-&-sons"),
        ("https://www.linkedin.com/company/jo,-al-(uk)", "linkedin", "https://www.linkedin.com/company/jo,-al-(uk)"),
        ("https://www.linkedin.com/company/jo-|-sons", "linkedin", "https://www.linkedin.com/company/jo-|-sons"),
        ("https://www.facebook.com/pages/Jo-%26-Al/12", "facebook", "https://www.facebook.com/pages/Jo-%26-Al/12"),
    ],
)
def test_a_profile_is_recognised_and_loses_its_tracking(link: str, network: str, url: str) -> None:
    assert profile_of(link, "https://shop.com/") == (network, url)


@pytest.mark.parametrize(
    "link",
    [
        "https://facebook.com",
        "https://www.facebook.com/story/1",
        "https://www.facebook.com/",
        "https://www.facebook.com/sharer/sharer.php?u=x",
        "https://www.facebook.com/sharer.php?u=x",
        "https://www.facebook.com/dialog/share",
        "https://www.facebook.com/share/p/1B8/",
        "https://www.facebook.com/messages/t/smile",
        "https://www.instagram.com/direct/t/123",
        "https://www.instagram.com/your_profile/",
        "https://www.facebook.com/share.php?u=x",
        "https://www.facebook.com/profile.php",
        "https://www.facebook.com/tr?id=1",
        "https://www.facebook.com/wix",
        "https://www.facebook.com/VOTRE_PAGE",
        "https://www.instagram.com/instagram",
        "https://www.facebook.com/hashtag/smile",
        "https://www.facebook.com/smile/posts/12345",
        "https://twitter.com/smile/status/12345",
        "https://x.com/compose/tweet?text=x",
        "https://www.instagram.com/smile/reel/abc/",
        "https://twitter.com/intent/tweet?text=x",
        "https://twitter.com/share?url=x",
        "https://x.com/hashtag/smile",
        "https://www.linkedin.com/shareArticle?mini=true",
        "https://www.linkedin.com/company/",
        "https://www.instagram.com/p/abc/",
        "https://www.instagram.com/explore/",
        "https://www.youtube.com/watch?v=abc",
        "https://www.youtube.com/embed/abc",
        "https://youtu.be/abc",
        "https://www.tiktok.com/@smile/video/1",
        "https://www.tiktok.com/tag/smile",
        "https://www.pinterest.com/pin/create/button/",
        "https://notfacebook.com/smile",
        "https://facebook.com.evil.com/smile",
        "/facebook.com/smile",
        "javascript:void(0)//facebook.com/x",
        "https://user@facebook.com/smile",
        "https://facebook.com/<script>",
        "https://help.instagram.com/519522125107875",
        "https://privacycenter.instagram.com/policy",
        "https://www.instagram.com/legal/privacy/",
        "https://www.instagram.com/terms/accept",
        "https://about.instagram.com/blog",
        "https://policy.pinterest.com/en/privacy-policy",
        "https://about.pinterest.com/de/privacy-policy",
        "https://help.pinterest.com/en",
        "https://www.pinterest.com/_/_/about",
        "https://developers.facebook.com/docs/plugins",
        "https://www.facebook.com/policy.php",
        "https://www.facebook.com/about/privacy/",
        "https://www.facebook.com/privacy/explanation",
        "https://www.facebook.com/full_data_use_policy",
        "https://www.facebook.com/business/help",
        "https://twitter.com/en/privacy",
        "https://twitter.com/privacy",
        "https://x.com/en/tos",
        "https://x.com/de/rules-and-policies",
        "https://help.x.com/en",
        "https://support.twitter.com/articles/1",
        "https://www.youtube.com/howyoutubeworks/",
        "https://www.youtube.com/t/terms",
        "https://www.youtube.com/intl/de/about",
        "https://studio.youtube.com/channel/UC1",
        "https://business.linkedin.com/company/x",
        "https://www.linkedin.com/legal/privacy-policy",
        "https://ads.tiktok.com/@x",
        "https://www.facebook.com/smile,",
    ],
)
def test_other_links_to_networks_are_ignored(link: str) -> None:
    assert profile_of(link, "https://shop.com/") is None


def test_the_links_of_a_consent_banner_do_not_hide_the_profile() -> None:
    page = a_page(
        "<a href=https://help.instagram.com/5195>Policy</a><a href=https://twitter.com/en/privacy>Policy</a>"
        "<a href=https://instagram.com/us>x</a><a href=https://twitter.com/us>x</a>"
    )
    assert read_socials(page, []) == {"instagram": "https://instagram.com/us", "twitter": "https://twitter.com/us"}


def test_profiles_of_the_organisation_take_precedence_over_links() -> None:
    page = a_page(
        "<a href=https://x.com/friend>x</a><a href=https://x.com/us>x</a><a href=https://tiktok.com/@us>x</a>"
    )
    assert read_socials(page, ["https://twitter.com/us", "https://en.wikipedia.org/wiki/Us"]) == {
        "twitter": "https://twitter.com/us",
        "tiktok": "https://tiktok.com/@us",
    }
    assert read_socials(page, [])["twitter"] == "https://x.com/friend"


def test_facebooks_publisher_and_plugin_are_used_where_no_link_leads_there() -> None:
    publisher = "<meta property=article:publisher content='https://www.facebook.com/publisher'>"
    embedded = "<iframe src='https://www.facebook.com/plugins/page.php?href=https%3A%2F%2Fwww.facebook.com%2Fembedded%2F&tabs=x'>"
    assert read_socials(a_page(publisher + embedded), []) == {"facebook": "https://www.facebook.com/publisher"}
    assert read_socials(a_page(embedded), []) == {"facebook": "https://www.facebook.com/embedded/"}
    plugin = "<div class=fb-page data-href='https://www.facebook.com/us'></div>"
    assert read_socials(a_page(plugin), []) == {"facebook": "https://www.facebook.com/us"}
    assert read_socials(a_page(f"{publisher}<a href='https://fb.com/us'>x</a>"), []) == {
        "facebook": "https://fb.com/us"
    }


def test_each_network_whose_profiles_are_read_has_a_column() -> None:
    assert [network.name for network in NETWORKS] == list(contacts.NETWORKS)
