"""What is asked for, beside the target itself, which redirects change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """One request of :class:`scrapersky.web.client.WebClient`; ``seconds`` are for all its hops together.

    ``polite`` ones go to a website: by its robots.txt, in the turn that all workers share, and perhaps by the proxy.
    """

    url: str
    max_bytes: int
    seconds: float
    headers: Mapping[str, str]
    truncate: bool
    polite: bool
    asks_robots: bool
    follow: Callable[[str], bool] | None = None

    def follows(self, url: str) -> bool:
        """Whether a redirect to ``url`` is to be followed."""
        return self.follow is None or self.follow(url)
