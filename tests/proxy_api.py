"""A proxy API as the tests need it: ScraperAPI's shape, in front of websites that may look different from there."""

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
    """Asked for ``?url=…`` with the key in a header, it answers as ``behind`` does; it knows no other site: 500.

    ``refuses`` is a status with which it answers everything.
    """

    behind: Mapping[str, Website]
    refuses: int | None = None
    asked: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:
        """The page, and where it was found in the end."""
        self.asked.append(request.target)
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
