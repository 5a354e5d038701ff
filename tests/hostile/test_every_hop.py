"""Hostile inputs 32, 48, 49 and 50 with the client as in production: the guard checks every hop of every redirect.

The other tests use a loopback internet, whose guard allows only two sockets. Needs a network namespace.
"""

import json
import shutil
import subprocess
import sys

import pytest

UNSHARE = ["unshare", "--map-root-user", "--net"]


def may_unshare() -> bool:
    """Return whether this kernel allows a network namespace."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not may_unshare(), reason="this kernel allows no network namespace (unshare --net)")
def test_no_hop_of_a_redirect_from_a_public_address_reaches_a_local_address() -> None:
    process = subprocess.run(
        [*UNSHARE, sys.executable, "-m", "tests.hostile.namespace"], capture_output=True, text=True, check=True
    )
    codes = json.loads(process.stdout)
    assert codes.pop("dialled") == 0
    reachable = {url: code for url, code in codes.items() if code == "200"}
    assert len(reachable) == 4  # the public address is served, so the guard does not reject everything
    assert {code for url, code in codes.items() if url not in reachable} == {"blocked_address"}
    assert len(codes) == 4 + 3 * 6 + 2
