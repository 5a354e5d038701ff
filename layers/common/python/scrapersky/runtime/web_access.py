"""The web client of one invocation, and of one record where a proxy is configured."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from scrapersky.errors import Misconfigured
from scrapersky.politeness.lease_manager import LeaseManager
from scrapersky.politeness.limiter import HostLimiter
from scrapersky.runtime.invocation import Invocation
from scrapersky.runtime.paid_calls import UnusableKey, key_of
from scrapersky.runtime.runtime import Runtime
from scrapersky.settings import Settings
from scrapersky.web.client import WebClient
from scrapersky.web.proxy import ProxyAccess


@asynccontextmanager
async def open_web_client(runtime: Runtime, invocation: Invocation) -> AsyncIterator[WebClient]:
    """Open the client that the jobs of one invocation share. Its host leases are released at the end."""
    settings = runtime.settings
    async with (
        LeaseManager(settings, runtime.database, runtime.observer.log, invocation.request_id) as leases,
        WebClient(settings, HostLimiter(settings, leases)) as web,
    ):
        yield web


def web_of_the_record(
    web: WebClient,
    settings: Settings,
    secret: Callable[[str], Awaitable[str]],
    spend: Callable[[str], Awaitable[None]],
) -> WebClient:
    """Return ``web`` for one record: with the proxy if ``WEB_PROXY`` says so, its calls charged to the record."""
    if settings.web_proxy == "never":
        return web

    async def key() -> str:
        """Return the proxy's key. Raises Misconfigured ``proxy_denied``: without a key no record can be served."""
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
        await spend("proxy")

    return web.with_proxy(ProxyAccess(settings, key=key, spend=pay))
