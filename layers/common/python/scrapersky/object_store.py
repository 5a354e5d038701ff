"""Files in the stage's bucket: written as a stream, handed out by urls that expire."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from scrapersky import aws
from scrapersky.errors import Misconfigured, Transient

KEPT = timedelta(days=1)
"""How long the bucket keeps a file."""
PART_BYTES = 8 * 2**20
"""S3 takes parts of at least 5 MiB, and 10,000 of them."""
READ_SECONDS = 20.0
DENIED = frozenset({"AccessDenied", "AllAccessDisabled", "NoSuchBucket", "PermanentRedirect"})
T = TypeVar("T")


class Upload(io.RawIOBase):
    """A file that exists once it is :meth:`complete`. At most one part of it is in memory.

    Raises Transient ``storage_failed``, or Misconfigured ``storage_denied`` where the function may not write.
    """

    def __init__(self, bucket: str, key: str, content_type: str) -> None:
        super().__init__()
        if not bucket:
            raise Misconfigured("storage_denied", "EXPORT_BUCKET is not set; it must name the bucket of exports")
        self.size = 0
        self._client = aws.client("s3", read_seconds=READ_SECONDS)
        self._file = {"Bucket": bucket, "Key": key}
        self._buffer = bytearray()
        self._parts: list[dict[str, Any]] = []
        begun = call(self._client.create_multipart_upload, **self._file, ContentType=content_type)
        self._upload = {**self._file, "UploadId": begun["UploadId"]}

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: Any, /) -> int:
        """Take ``data``, and send a part when it is full."""
        self._buffer += data
        length = memoryview(data).nbytes
        self.size += length
        while len(self._buffer) >= PART_BYTES:
            self._send()
        return length

    def complete(self) -> None:
        """Send the rest: the file exists."""
        if self._buffer or not self._parts:
            self._send()
        call(self._client.complete_multipart_upload, **self._upload, MultipartUpload={"Parts": self._parts})

    def abort(self) -> None:
        """Discard what was sent."""
        call(self._client.abort_multipart_upload, **self._upload)

    def _send(self) -> None:
        body, number = bytes(self._buffer[:PART_BYTES]), len(self._parts) + 1
        sent = call(self._client.upload_part, **self._upload, PartNumber=number, Body=body)
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        del self._buffer[:PART_BYTES]


def url_of(bucket: str, key: str, name: str, seconds: int) -> str:
    """Return a url by which the file ``key`` is downloaded as ``name``, for ``seconds``."""
    disposition = f'attachment; filename="{name}"'
    values = {"Bucket": bucket, "Key": key, "ResponseContentDisposition": disposition}
    # Of version 4, and for the region's own host: others are not valid for a bucket in every region.
    client = aws.client("s3", signature_version="s3v4", s3={"addressing_style": "virtual"})
    url: str = client.generate_presigned_url("get_object", Params=values, ExpiresIn=seconds)
    return url


def delete(bucket: str, keys: list[str]) -> None:
    """Delete files; one that does not exist is no error. Raises as :class:`Upload`."""
    client = aws.client("s3")
    for start in range(0, len(keys), 1_000):
        objects = [{"Key": key} for key in keys[start : start + 1_000]]
        call(client.delete_objects, Bucket=bucket, Delete={"Objects": objects, "Quiet": True})


def call(request: Callable[..., T], **values: Any) -> T:
    """Return the answer to a request of S3."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (see scrapersky.aws)

    try:
        return request(**values)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in DENIED:
            raise Misconfigured("storage_denied", f"the bucket {values['Bucket']!r} answered {code}") from None
        raise Transient("storage_failed", f"the bucket {values['Bucket']!r} answered {code}") from None
    except BotoCoreError as error:
        raise Transient("storage_failed", f"the bucket {values['Bucket']!r}: {type(error).__name__}") from None
