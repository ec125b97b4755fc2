"""Signatures, against botocore's own signer."""

from __future__ import annotations

from datetime import UTC, datetime

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import NoCredentialsError
from hypothesis import given
from hypothesis import strategies as st

from adapters.dynamodb.hot_path.sigv4 import Signer

UPDATE = "DynamoDB_20120810.UpdateItem"
HOST = "dynamodb.eu-central-1.amazonaws.com"
visible = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)


def signer(credentials: Credentials | None) -> Signer:
    """A signer for DynamoDB in Frankfurt."""
    return Signer(credentials, service="dynamodb", region="eu-central-1", host=HOST)


@given(
    body=st.binary(max_size=200),
    access_key=visible,
    secret_key=visible,
    token=st.none() | visible,
    moment=st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)),  # noqa: DTZ001 - made aware below
)
def test_signature(
    body: bytes, access_key: str, secret_key: str, token: str | None, moment: datetime
) -> None:
    """Every request is signed as botocore signs it, whatever is in it, with and without a session token."""
    now = moment.replace(tzinfo=UTC, microsecond=0)
    credentials = Credentials(access_key, secret_key, token)
    headers = signer(credentials).headers(UPDATE, body, now.timestamp())
    theirs = {name: headers[name] for name in ("Content-Type", "Host", "X-Amz-Target")}
    request = AWSRequest("POST", f"https://{HOST}/", headers=theirs, data=body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth, "get_current_datetime", lambda: now)
        SigV4Auth(credentials, "dynamodb", "eu-central-1").add_auth(request)
    assert dict(request.headers.items()) == headers


def test_new_credentials() -> None:
    """Credentials that botocore has refreshed are used from then on, and a new day has a new key."""
    credentials = Credentials("AKIA", "one")
    ours = signer(credentials)
    noon = datetime(2026, 11, 5, 12, tzinfo=UTC).timestamp()
    first = ours.headers(UPDATE, b"{}", noon)
    credentials.secret_key = "two"
    second = ours.headers(UPDATE, b"{}", noon)
    tomorrow = ours.headers(UPDATE, b"{}", noon + 86_400)
    assert 3 == len({headers["Authorization"] for headers in (first, second, tomorrow)})
    assert signer(Credentials("AKIA", "two")).headers(UPDATE, b"{}", noon) == second


def test_no_credentials() -> None:
    """Without credentials nothing is signed."""
    with pytest.raises(NoCredentialsError):
        signer(None).headers(UPDATE, b"{}", 0)
