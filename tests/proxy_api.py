"""A fake proxy API with ScraperAPI's interface, in front of websites that may answer the proxy differently."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from scripts.commands.run.internet.website import Answer, Request, Website

HOST = "proxy.test"
KEY = "key-of-the-proxy"
SETTINGS: dict[str, Any] = {"web_proxy_url": f"http://{HOST}/", "proxy_secret": "the-proxy"}
SECRETS = {"the-proxy": KEY}


@dataclass
class ProxyApi:
    """Answers ``?url=…``, with the key in a header, as the website in ``behind`` does; other websites are a 500.

    ``refuses`` is a status that it answers to every call. ``calls`` are the request targets, ``targets`` the URLs in them.
    """

    behind: Mapping[str, Website]
    refuses: int | None = None
    calls: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:
        """Return the page, with its final URL in a header."""
        self.calls.append(request.target)
        if self.refuses is not None:
            return Answer(self.refuses, b"no")
        if request.headers.get("x-sapi-api_key") != KEY:
            return Answer(401, b"Unauthorized request, please make sure your API key is valid.")
        url = parse_qs(urlsplit(request.target).query)["url"][0]
        self.targets.append(url)
        parts = urlsplit(url)
        site = self.behind.get(parts.hostname or "")
        if site is None:
            return Answer(500, b"Request failed. You will not be charged for this request.")
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        found = site.answer(Request("GET", parts.scheme, parts.hostname or "", path, {}))
        return Answer(found.status, found.body, {**found.headers, "sa-final-url": url})
