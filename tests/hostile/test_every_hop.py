"""Hostile inputs 32, 48, 49 and 50 against the guard as it is deployed: each hop of each redirect is judged when it is dialled.

Beside the tests in a loopback internet, whose guard knows two sockets only. Needs a network namespace of its own.
"""

import json
import shutil
import subprocess
import sys

import pytest

UNSHARE = ["unshare", "--map-root-user", "--net"]


def may_unshare() -> bool:
    """Whether this kernel lets us have a network of our own."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not may_unshare(), reason="no network namespace of our own may be made here (unshare --net)")
def test_no_hop_of_a_redirect_from_a_public_address_reaches_our_own_machine() -> None:
    told = subprocess.run(
        [*UNSHARE, sys.executable, "-m", "tests.hostile.own_network"], capture_output=True, text=True, check=True
    )
    codes = json.loads(told.stdout)
    assert codes.pop("dialled") == 0
    open_to_all = {url: code for url, code in codes.items() if code == "200"}
    assert len(open_to_all) == 4  # the public address itself is served, so the guard is not simply shut
    assert {code for url, code in codes.items() if url not in open_to_all} == {"blocked_address"}
    assert len(codes) == 4 + 3 * 6 + 2
