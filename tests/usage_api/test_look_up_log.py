"""What the log says of a look-up."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.usage_api.events import event, of_customer, of_operator
from usage_api.look_up_log import digest, entry

KEY = b"51af3dc0-b4f2-11ef-8c6d-0e1b2c3d4e5f"


def test_bounded() -> None:
    """Whatever a caller writes, an entry is short."""
    asked = of_operator("/keys/{id}/usage", id="x" * 8000, query={"y": ["z" * 8000]})
    asked["requestContext"]["identity"]["userArn"] = "arn:aws:sts::123456789012:assumed-role/" + "r" * 8000
    assert len(str(entry(asked, 400, KEY))) < 600


def test_own_key_only() -> None:
    """A customer who asks for somebody else's usage is nobody there; the entry has the digest of that."""
    found = entry(of_customer("mine", "/keys/{id}/usage", id="theirs"), 403, KEY)
    assert {
        "operation": "/keys/{id}/usage",
        "status": 403,
        "caller": "nobody",
        "key_digest": digest("theirs", KEY),
    } == found


def test_nobody() -> None:
    """Without a key there is no digest; of the page and the document there is no entry."""
    assert {"operation": "/me/usage", "status": 401, "caller": "nobody"} == entry(
        event("/me/usage"), 401, KEY
    )
    assert [None] * 3 == [entry(event(one), 200, KEY) for one in ("/", "/assets/{name}", "/openapi.json")]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl to compare with")
def test_as_the_page_says() -> None:
    """The digest of a key is found with openssl, as docs/security.md has it."""
    command = ["openssl", "dgst", "-sha256", "-hmac", KEY.decode()]
    answer = subprocess.run(command, input=b"a1b2c3d4e5", capture_output=True, check=True).stdout.decode()
    assert answer.split()[-1].startswith(digest("a1b2c3d4e5", KEY))
