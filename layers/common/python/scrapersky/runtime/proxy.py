"""The proxy for one record: its key from the secret, its calls from the budget ``proxy``."""

from collections.abc import Awaitable, Callable

from scrapersky.errors import Misconfigured
from scrapersky.runtime.api_key import UnusableKey, key_of
from scrapersky.settings import Settings
from scrapersky.web.client import WebClient
from scrapersky.web.proxy import ProxyAccess

BUDGET = "proxy"


def web_of_the_record(
    web: WebClient,
    settings: Settings,
    secret: Callable[[str], Awaitable[str]],
    spend: Callable[[str], Awaitable[None]],
) -> WebClient:
    """``web`` as one record uses it: by the proxy where ``WEB_PROXY`` says so, at the record's own expense."""
    if settings.web_proxy == "never":
        return web

    async def key() -> str:
        """Raises Misconfigured ``proxy_denied``: whatever keeps us from reading it is our own fault, and no record's."""
        name = settings.proxy_secret
        if not name:
            raise Misconfigured(
                "proxy_denied", "PROXY_SECRET is not set; it must name the secret that holds the proxy's key"
            )
        try:
            return key_of(await secret(name), "PROXY_SECRET")
        except UnusableKey as unusable:
            reason = str(unusable)
        except Exception as error:
            reason = f"the secret {name!r} could not be read: {type(error).__name__}"
        raise Misconfigured("proxy_denied", reason)

    async def pay() -> None:
        await spend(BUDGET)

    return web.with_proxy(ProxyAccess(settings, key=key, spend=pay))
