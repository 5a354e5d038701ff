"""Corrects slips in the head of an answer that every browser passes over, before aiohttp's strict parser reads it.

Corrected: lines without a colon or with an invalid name are dropped, and blanks around names are removed. A
Content-Length that is repeated with the same value counts once; it does not count if it is empty, or beside
``Transfer-Encoding: chunked``. The transfer coding ``identity`` is none. Interim answers (1xx) are dropped. Everything
that a server sends is counted here, so that neither interim answers nor chunk extensions escape the limits.
"""

import re
from typing import Any

from aiohttp.client_proto import ResponseHandler

from scrapersky.errors import FetchError, FetchFailed, FetchRefused

MAX_HEAD_BYTES = 262_144
"""Bytes of the head of an answer together with the interim answers and blank lines before it, as in Chromium."""
MAX_HEADERS = 5_000
OVERHEAD_BYTES = 1_048_576
"""What an answer may have in addition to the bytes of its body: the head, and the sizes of chunks."""

_END = re.compile(rb"\r?\n\r?\n")
_INTERIM = re.compile(rb"HTTP/\d\.\d 1(?!01)\d\d")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class LenientResponses(ResponseHandler):
    """aiohttp's protocol of one connection. An answer of more than ``max_bytes`` in total fails as ``too_large``,
    one with a head of more than :data:`MAX_HEAD_BYTES` as ``bad_response``."""

    def __init__(self, *arguments: Any, max_bytes: int, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._max_bytes = max_bytes + OVERHEAD_BYTES
        self._received = 0
        self._head: bytearray | None = None
        """The bytes of the head so far; None outside of a head."""
        self._head_bytes = 0

    def set_response_params(self, **parameters: Any) -> None:
        """Expect an answer."""
        self._received = self._head_bytes = 0
        self._head = bytearray()
        super().set_response_params(**parameters)

    def data_received(self, data: bytes) -> None:
        """Take what the server has sent."""
        self._received += len(data)
        if self._received > self._max_bytes:
            why = f"sends more than {self._max_bytes} bytes with its headers and chunk sizes"
            self._refuse(FetchRefused("too_large", f"the server {why}"))
        elif self._head is None or not data:
            super().data_received(data)
        else:
            self._take_head(self._head, data)

    def eof_received(self) -> None:
        """Pass on an unfinished head, so that aiohttp reports it."""
        if self._head:
            rest, self._head = bytes(self._head), None
            super().data_received(rest)
        super().eof_received()

    def _take_head(self, head: bytearray, data: bytes) -> None:
        searched = max(0, len(head) - 3)
        self._head_bytes += len(data)
        head += data
        while True:
            blank = len(head) - len(head.lstrip(b"\r\n"))
            del head[:blank]
            if not head[:5].upper().startswith(b"HTTP/"[: len(head)]):
                break  # not HTTP: aiohttp refuses it
            end = _END.search(head, max(0, searched - blank))
            if end is None:
                if self._head_bytes > MAX_HEAD_BYTES:
                    why = f"sends headers of more than {MAX_HEAD_BYTES} bytes"
                    self._refuse(FetchFailed("bad_response", f"the server {why}"))
                return
            if not _INTERIM.match(head):
                rest = bytes(head[end.end() :])
                self._head = None
                super().data_received(corrected(bytes(head[: end.start()])) + rest)
                return
            del head[: end.end()]
            searched = 0
        self._head = None
        super().data_received(bytes(head))

    def _refuse(self, error: FetchError) -> None:
        self._head = None
        if self.transport is not None:
            self.transport.close()
        if self._payload is not None:
            self._payload.set_exception(error)
        self.set_exception(error)


def corrected(head: bytes) -> bytes:
    """Return the head of an answer, without the blank line behind it, as the standard requires it."""
    status, *lines = head.split(b"\n")
    fields: list[bytes] = []
    lengths: dict[bytes, None] = {}
    is_kept = is_chunked = False
    for line in (each.rstrip(b"\r") for each in lines):
        if line[:1] in (b" ", b"\t") and fields:  # an obsolete continuation of the line before
            if is_kept:
                fields[-1] += b" " + line.strip(b" \t")
            continue
        name, colon, value = line.partition(b":")
        name, value = name.strip(b" \t"), value.strip(b" \t")
        is_kept = bool(colon) and _NAME.fullmatch(name) is not None
        if is_kept and name.lower() == b"content-length":
            lengths.update(dict.fromkeys(filter(None, map(bytes.strip, value.split(b",")))))
            is_kept = False
        elif is_kept and name.lower() == b"transfer-encoding":
            is_kept = value.lower() not in (b"", b"identity")
            is_chunked |= is_kept
        if is_kept:
            fields.append(name + b": " + value)
    if not is_chunked:
        fields += [b"Content-Length: " + length for length in lengths]  # several that differ are refused
    return b"\r\n".join([status.rstrip(b"\r"), *fields]) + b"\r\n\r\n"
