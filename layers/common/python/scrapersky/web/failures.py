"""What aiohttp, ssl, sockets and parsers throw, put into our own words: one code, one sentence, no header, no secret.

The sentences are written here and never taken from an exception's text: aiohttp's own may quote a request's headers.
"""

import errno
import socket
import ssl

import aiohttp

from scrapersky.errors import FetchError, FetchFailed, FetchRefused

_MAY_PASS = frozenset((408, 425, 429))


class BlockedAddress(OSError):
    """The guard refused to dial; an OSError, so that aiohttp passes it on as a failed connection."""


def shown_url(url: str) -> str:
    """``url`` short enough for an error message."""
    return url if len(url) <= 200 else f"{url[:200]}…"


def explain(problem: BaseException, url: str) -> FetchError:
    """The :class:`FetchError` that says what ``problem`` means for a request of ``url``."""
    if isinstance(problem, FetchError):
        return problem
    kind, code, reason = _meaning(problem)
    return kind(code, f"{shown_url(url)} {reason}")


def http_error(status: int, reason: str, retry_after: float | None = None) -> FetchError:
    """Return the error ``http_<status>`` of an answer of 400 and above; 408, 425, 429 and 5xx may pass."""
    kind = FetchFailed if status in _MAY_PASS or 500 <= status < 600 else FetchRefused
    return kind(f"http_{status}", reason, retry_after)


def _meaning(problem: BaseException) -> tuple[type[FetchError], str, str]:
    cause = getattr(problem, "os_error", None) or problem
    match cause:
        case BlockedAddress():
            return FetchRefused, "blocked_address", f"is not on the public internet: {cause}"
        case TimeoutError():
            return FetchFailed, "timeout", "did not answer in time"
        case socket.gaierror() | aiohttp.ClientConnectorDNSError():
            return (
                FetchFailed,
                "dns",
                f"has a host name that does not resolve ({getattr(cause, 'strerror', None) or 'no address'})",
            )
        case ssl.SSLCertVerificationError():
            return FetchFailed, "tls", f"has a certificate that cannot be trusted ({cause.verify_message})"
        case ssl.SSLError() | ssl.CertificateError() | aiohttp.ClientSSLError():
            return (
                FetchFailed,
                "tls",
                f"failed the TLS handshake ({getattr(cause, 'reason', None) or type(cause).__name__})",
            )
        case aiohttp.ServerDisconnectedError() | OSError(errno=errno.ECONNRESET | errno.EPIPE | errno.ECONNABORTED):
            return FetchFailed, "reset", "closed the connection without an answer"
        case aiohttp.InvalidURL():
            return FetchRefused, "invalid_url", "is no url that can be requested"
        case OSError():
            return FetchFailed, "connect", f"could not be reached ({cause.strerror or type(cause).__name__})"
        case _:
            return FetchFailed, "bad_response", f"did not answer in HTTP ({type(cause).__name__})"
