"""Read one home page in the child process: everything about it that the metadata job has to know."""

from dataclasses import asdict
from typing import Any

from domain_scheduler.client_redirects import is_interstitial, redirect_target
from domain_scheduler.facts import read_facts
from scrapersky.extraction.blocked_pages import reject_blank, reject_challenge_or_parking, reject_opt_out
from scrapersky.extraction.page import HtmlPage, PageLimits, sample_page
from scrapersky.web.charset import decode_page, load_codecs
from scrapersky.web.fetched import Fetched
from scrapersky.web.hosts import HostError, normalise_host


def read_home_page(fetched: Fetched, *, host: str, follow: bool, limits: dict[str, Any]) -> dict[str, Any]:
    """Return what ``fetched`` is: exactly one of the keys ``rejected``, ``redirect`` and ``facts``.

    ``rejected``: ``[code, reason]`` of a page that is not the home page of ``host``; see
    :mod:`~scrapersky.extraction.blocked_pages`.
    ``redirect``: ``{"target", "is_interstitial"}``, if ``follow`` is set and the page redirects its visitor; its facts
    are not read, as another page will be. ``facts``: see :func:`.facts.read_facts`. ``limits`` is a PageLimits as a dict.
    """
    bounds = PageLimits(**limits)
    page = HtmlPage.parse(decode_page(fetched).text, fetched.url, bounds.text)
    if rejection := reject_challenge_or_parking(page, _other_host(page.url, host)):
        return {"rejected": list(asdict(rejection).values())}
    if follow and (target := redirect_target(page, fetched.headers.get("refresh", ""))):
        return {"redirect": {"target": target, "is_interstitial": is_interstitial(page)}}
    opt_out = reject_opt_out(page, fetched.headers, bounds.opt_outs, bounds.agent)
    if rejection := reject_blank(page) or opt_out:
        return {"rejected": list(asdict(rejection).values())}
    return {"facts": read_facts(page, fetched, host, bounds)}


def warm_up() -> None:
    """Read a page that needs every module and file which reading may need."""
    load_codecs()
    read_home_page(sample_page(), host="xn--exmple-cua.com", follow=True, limits={})


def _other_host(url: str, host: str) -> str | None:
    """Return the host of ``url`` if it is not ``host``."""
    try:
        final_host = normalise_host(url)
    except HostError:
        return None
    return None if final_host == host else final_host
