"""The emulated AWS: MiniStack on loopback, functions as processes of this machine, nothing left behind.

Warning: by default MiniStack listens on every interface, opens a port for MQTT and talks to a Docker daemon if there is one.
All three are off here. Its functions inherit its environment, which is therefore built from nothing: of the caller's shell
they see only :data:`INHERITED`.
"""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from scripts.commands.run.postgres import PORT_ATTEMPTS, free_port
from scripts.commands.run.supervisor import supervised

REGION = "us-east-1"
ACCOUNT = "000000000000"
START_TIMEOUT_SECONDS = 60
INHERITED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "SSL_CERT_FILE", "SSL_CERT_DIR", "LD_LIBRARY_PATH")
"""Variables of the caller's shell that functions may see."""


class EmulatorError(RuntimeError):
    """The emulator did not start; the message has the end of its log."""


@dataclass(frozen=True)
class Aws:
    """A running emulated AWS, and how to reach it."""

    port: int
    log: Path

    @property
    def endpoint(self) -> str:
        """The value for ``AWS_ENDPOINT_URL``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables by which the AWS CLI and boto3 find it, and only it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        """Return a boto3 client of ``service`` that ignores the caller's own AWS configuration; threads may share it."""
        session = boto3.Session(
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
        )
        config = Config(
            retries={"total_max_attempts": 1},
            read_timeout=900,
            max_pool_connections=32,
            s3={"addressing_style": "path"},
            proxies={},
        )
        return session.client(service, endpoint_url=self.endpoint, config=config)  # type: ignore[call-overload]

    @classmethod
    @contextmanager
    def start(cls, directory: Path, environment: Mapping[str, str]) -> Iterator[Aws]:
        """Run it with its files in ``directory`` until the block ends, or this process does.

        ``environment`` is added to the variables that its functions see. Raises :class:`EmulatorError`.
        """
        (directory / "tmp").mkdir(parents=True, exist_ok=True)
        for attempt in range(PORT_ATTEMPTS):
            with ExitStack() as running:
                aws = cls(free_port(), directory / "emulator.log")
                if running.enter_context(_process(aws, directory, environment, last=attempt == PORT_ATTEMPTS - 1)):
                    yield aws
                    return


@contextmanager
def _process(aws: Aws, directory: Path, environment: Mapping[str, str], *, last: bool) -> Iterator[bool]:
    """Run the emulator; yield False when another process took its port meanwhile and the next may be tried."""
    with (
        aws.log.open("wb") as log,
        supervised(
            [sys.executable, "-m", "ministack"],
            environment={
                **{name: os.environ[name] for name in INHERITED if name in os.environ},
                "PYTHONNOUSERSITE": "1",
                "HOME": str(directory),
                "TMPDIR": str(directory / "tmp"),
                "S3_DATA_DIR": str(directory / "s3"),
                "STATE_DIR": str(directory / "state"),
                "BIND_HOST": "127.0.0.1",
                "MINISTACK_HOST": "127.0.0.1",
                "MINISTACK_REGION": REGION,
                "MINISTACK_ACCOUNT_ID": ACCOUNT,
                "GATEWAY_PORT": str(aws.port),
                "SFTP_ENABLED": "0",
                "IOT_MTLS_ENABLED": "0",
                "DOCKER_HOST": f"unix://{directory}/no-docker",
                **aws.environment,
                **environment,
            },
            directory=directory,
            output=log,
            stop_signal=signal.SIGKILL,  # it has nothing to save, and SIGTERM waits for idle connections
        ) as process,
    ):
        ready = _wait_until_ready(aws, process, directory / "tmp" / f"ministack-{aws.port}.pid")
        log_text = aws.log.read_text(errors="replace")
        if not ready and (last or "already in use" not in log_text):
            raise EmulatorError(f"the emulated AWS did not start on port {aws.port}: {log_text[-2000:].strip()}")
        yield ready


def _wait_until_ready(aws: Aws, process: subprocess.Popen[bytes], pid_file: Path) -> bool:
    """Wait until this emulator, and no other server, answers: it writes its pid file once it has found the port free."""
    give_up = time.monotonic() + START_TIMEOUT_SECONDS
    while process.poll() is None and time.monotonic() < give_up:
        if pid_file.exists() and _answers(aws.port) and process.poll() is None:
            return True
        time.sleep(0.05)
    return False


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/_ministack/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
