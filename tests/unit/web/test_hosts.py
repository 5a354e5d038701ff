"""Host normalisation: the natural key of a domain."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scrapersky.web.hosts import HostError, is_public_suffix, normalise_host, registrable_domain

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True).filter(lambda label: label[2:4] != "--")
names = st.builds(
    lambda labels, suffix: ".".join([*labels, suffix]),
    st.lists(labels, min_size=1, max_size=3),
    st.sampled_from(["com", "co.uk", "de", "example", "xn--p1ai"]),
)


def normalised(text: str) -> str | None:
    """Return the normalised host, or None if ``text`` is not one."""
    try:
        return normalise_host(text)
    except HostError:
        return None


@given(
    names | st.text(max_size=40) | st.from_regex(r"(https?://)?(www\.)*[a-zäß.]{1,12}(:\d+)?(/\w*)?", fullmatch=True)
)
def test_normalising_is_idempotent(text: str) -> None:
    once = normalised(text)
    assume(once is not None)
    assert once is not None
    assert normalised(once) == once


@given(
    name=names,
    scheme=st.sampled_from(["", "http://", "https://", "HTTPS://", "//"]),
    user=st.sampled_from(["", "me@", "me:secret@"]),
    www=st.sampled_from(["", "www.", "WWW."]),
    port=st.sampled_from(["", ":80", ":443", ":8080"]),
    rest=st.sampled_from(["", "/", "/a/b?c=d#e", "?q=www.other.com", "#x"]),
    dot=st.sampled_from(["", "."]),
    upper=st.booleans(),
)
def test_scheme_user_www_case_port_path_and_trailing_dot_make_no_difference(
    name: str, scheme: str, user: str, www: str, port: str, rest: str, dot: str, upper: bool
) -> None:
    plain = normalised(name)
    assume(plain is not None)
    spelled = name.upper() if upper else name
    assert normalised(f"{scheme}{user}{www}{spelled}{dot}{port}{rest}") == plain


@given(st.text(max_size=60))
def test_any_text_gives_a_host_of_two_labels_or_a_host_error(text: str) -> None:
    host = normalised(text)
    assert host is None or (host == host.lower() and "." in host and host.isascii())


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("HTTPS://WWW.Example.co.uk:443/path", "example.co.uk"),
        ("example.com.", "example.com"),
        ("  example.com\n", "example.com"),
        ("münchen.de", "xn--mnchen-3ya.de"),
        ("www.MÜNCHEN.de", "xn--mnchen-3ya.de"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("faß.de", "xn--fa-hia.de"),
        ("wiki.example.com", "wiki.example.com"),
        ("www.www.example.com", "example.com"),
        ("www.shop.example.com", "shop.example.com"),
        ("www.co.uk", "www.co.uk"),
        ("www.com", "www.com"),
        ("wwwexample.com", "wwwexample.com"),
        ("www2.example.com", "www2.example.com"),
        ("my_shop.example.com", "my_shop.example.com"),
        ("site.local", "site.local"),
        ("shop.example", "shop.example"),
        ("user.github.io", "user.github.io"),
        ("wordpress.com", "wordpress.com"),
        ("example。com", "example.com"),
    ],
)
def test_each_website_has_one_spelling(text: str, host: str) -> None:
    assert normalise_host(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "localhost", "http://localhost/", "com", "co.uk", "http://co.uk/", "1.2.3.4", "http://[::1]/", "127.1",
        "2130706433", "0x7f.1", "ftp://example.com", "javascript:alert(1)", "exa mple.com", "example..com", ".example.com",
        "http://", "http:///", "a\\b.com", "ex\x00ample.com", "exam\nple.com", "xn--a.com", "*.example.com", "ex!ample.com",
        f"{'a' * 64}.com", ".".join(["a" * 60] * 5), "example.com:99999", "exa\ud800mple.com", "n/a", "none", "-",
    ],
)  # fmt: skip
def test_text_that_is_not_a_host_is_rejected_with_the_text_in_the_message(text: str) -> None:
    with pytest.raises(HostError) as caught:
        normalise_host(text)
    assert repr(text)[1:20].rstrip("'") in str(caught.value)


def test_only_the_icann_section_counts_as_public_suffixes() -> None:
    assert is_public_suffix("co.uk")
    assert is_public_suffix("anything")
    assert not is_public_suffix("github.io")
    assert not is_public_suffix("example.co.uk")


def test_the_registrable_domain_is_one_label_below_the_public_suffix() -> None:
    assert registrable_domain("wiki.example.co.uk") == "example.co.uk"
    assert registrable_domain("example.com") == "example.com"
