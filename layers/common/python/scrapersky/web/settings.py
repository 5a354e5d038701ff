"""Settings of the guarded web client. Each is an environment variable of the same name in capitals."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class WebSettings(BaseModel):
    """How the crawler behaves on the web. Sizes are bytes, times seconds."""

    model_config = ConfigDict(frozen=True)

    web_user_agent_token: str = Field("ScraperSkyBot", description="product token, as robots.txt names us")
    web_user_agent: str = Field(
        "ScraperSkyBot/1.0 (+https://scrapersky.com/bot)", description="User-Agent header, with a contact url"
    )
    web_request_deadline_seconds: float = Field(
        20, gt=0, le=600, description="connect, headers and body of one request"
    )
    web_connect_timeout_seconds: float = Field(8, gt=0, le=60, description="name look-up, connect and TLS of one hop")
    web_max_wire_bytes: int = Field(60_000_000, gt=0, description="bytes of one body as sent")
    web_max_decoded_bytes: int = Field(60_000_000, gt=0, description="bytes of one body after unpacking")
    web_max_page_bytes: int = Field(2_000_000, gt=0, description="bytes of one HTML page; the rest is not read")
    web_max_embedded_bytes: int = Field(
        8_000_000, ge=0, description="bytes of images and fonts embedded in one HTML page that are passed over"
    )
    web_max_header_bytes: int = Field(32_768, gt=0, description="bytes of one header line")
    web_max_redirects: int = Field(5, ge=0, le=20, description="redirects followed in one request")
    web_max_url_length: int = Field(2_048, gt=0, description="characters of a url")
    web_ports: str = Field("80,443", pattern=r"^\d{1,5}(,\d{1,5})*$", description="ports that may be dialled")
    web_requests_per_host: int = Field(
        2, ge=1, le=16, description="requests to one host at once, of all workers together"
    )
    web_host_interval_seconds: float = Field(
        0.1, ge=0, le=60, description="between the starts of two requests to one host; a longer Crawl-delay wins"
    )
    web_host_patience_seconds: float = Field(
        20,
        ge=0,
        le=600,
        description="wait for a host that another worker speaks to, or that rests; then the record waits",
    )
    web_host_linger_seconds: float = Field(
        1, ge=0, le=60, description="how long a worker keeps a host for itself after its last request there"
    )
    web_host_lease_seconds: float = Field(
        60, gt=0, le=900, description="how long a worker that vanished keeps the others from a host, at least"
    )
    web_robots_cache_seconds: float = Field(3_600, ge=0, le=86_400, description="how long a robots.txt is kept")
    web_robots_max_bytes: int = Field(
        512_000, ge=512_000, description="bytes of a robots.txt that are read (RFC 9309: ≥ 500 KiB)"
    )
    web_crawl_delay_cap_seconds: float = Field(5, ge=0, le=60, description="longest Crawl-delay honoured in place")
    web_retry_after_cap_seconds: float = Field(3_600, ge=0, description="longest Retry-After honoured")
    web_proxy: Literal["never", "blocked", "always"] = Field(
        "never",
        description="pages by the proxy API: never, blocked (of sites that answer 403 or a challenge), or always",
    )
    web_proxy_url: str = Field(
        "https://api.scraperapi.com/",
        pattern=r"^https?://[^?#]+$",
        description="the proxy API, which is asked with the parameter url",
    )
    web_proxy_key_header: str = Field(
        "x-sapi-api_key", pattern=r"^[A-Za-z0-9_-]+$", description="header in which the proxy API wants its key"
    )
    web_proxy_parameters: str = Field("", description="more parameters for the proxy API: country_code=us&premium=true")
    web_proxy_deadline_seconds: float = Field(70, gt=0, le=600, description="one request by the proxy API")
    web_loopback_internet: Path | None = Field(
        None,
        description=(
            "local run and tests only, never set in a deployed stack: a JSON file describing an internet on loopback"
        ),
    )

    @property
    def ports(self) -> frozenset[int]:
        """The ports that may be dialled."""
        return frozenset(map(int, self.web_ports.split(",")))
