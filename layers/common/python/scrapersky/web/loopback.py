"""A simulated internet on loopback, for the local run and the tests: its names, and where they are served.

Warning: this is the only way for the web client to connect to loopback. No deployed stack sets
``WEB_LOOPBACK_INTERNET``; with it set, the client reaches the two listed sockets and nothing else.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator


class LoopbackInternet(BaseModel):
    """The content of the file that ``WEB_LOOPBACK_INTERNET`` names.

    Every name in ``hosts`` resolves to ``address``, its port 80 to ``http_port`` and 443 to ``https_port``; other names
    do not resolve. Only certificates signed by ``ca_file`` (PEM) are trusted.
    """

    model_config = ConfigDict(frozen=True)

    address: IPv4Address | IPv6Address = IPv4Address("127.0.0.1")
    http_port: int = Field(ge=1, le=65_535)
    https_port: int = Field(ge=1, le=65_535)
    ca_file: Path
    hosts: frozenset[str]

    @field_validator("address")
    @classmethod
    def _only_loopback(cls, address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
        if not address.is_loopback:
            raise ValueError(f"{address} is not a loopback address; valid are 127.0.0.0/8 and ::1")
        return address

    @field_validator("hosts")
    @classmethod
    def _lower_case(cls, hosts: frozenset[str]) -> frozenset[str]:
        return frozenset(host.lower().rstrip(".") for host in hosts)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the JSON file at ``path``. Raises OSError or pydantic's ValidationError."""
        return cls.model_validate_json(path.read_bytes())

    def write(self, path: Path) -> None:
        """Write the JSON file that :meth:`read` reads."""
        path.write_text(self.model_dump_json(indent=2), encoding="utf-8")

    @property
    def ports(self) -> Mapping[int, int]:
        """The local port for each public port."""
        return {80: self.http_port, 443: self.https_port}

    @property
    def sockets(self) -> frozenset[tuple[str, int]]:
        """All (address, port) pairs that may be connected to."""
        return frozenset({(str(self.address), self.http_port), (str(self.address), self.https_port)})
