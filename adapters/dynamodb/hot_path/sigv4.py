"""Signature Version 4 of AWS, for one service, region and address, of POST requests without a query.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

botocore's own signer takes any request and costs 0.1 ms each; this one takes 0.01 ms, since of all that goes
into a signature only body, operation and time change. A test holds it equal to botocore's.
"""

from __future__ import annotations

import hmac
import time
from hashlib import sha256
from typing import Final

from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import NoCredentialsError

CONTENT_TYPE: Final = "application/x-amz-json-1.0"
_ALGORITHM: Final = "AWS4-HMAC-SHA256"


class Signer:
    """Signs requests to one address. Threads may share it."""

    def __init__(self, credentials: Credentials | None, *, service: str, region: str, host: str) -> None:
        """`host` is what the header of that name says: without a port that is the scheme's own."""
        self._credentials = credentials
        self._service = service
        self._region = region
        self._host = host
        self._key: tuple[tuple[str | None, str], bytes] = (("", ""), b"")

    def headers(self, operation: str, body: bytes, now: float) -> dict[str, str]:
        """The headers of a request for an operation (such as `DynamoDB_20120810.UpdateItem`).

        `now` is in epoch seconds. AWS refuses a signature that is older than five minutes.

        Raises:
            NoCredentialsError: there are none.
        """
        if self._credentials is None:
            raise NoCredentialsError
        credentials = self._credentials.get_frozen_credentials()
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        headers = {
            "Content-Type": CONTENT_TYPE,
            "Host": self._host,
            "X-Amz-Date": moment,
        }
        if credentials.token:
            headers["X-Amz-Security-Token"] = credentials.token
        headers["X-Amz-Target"] = operation
        headers["Authorization"] = self._authorization(credentials, headers, body)
        return headers

    def _authorization(self, credentials: ReadOnlyCredentials, headers: dict[str, str], body: bytes) -> str:
        """The signature over all these headers, which are in the order of their names, and the body."""
        moment = headers["X-Amz-Date"]
        names = ";".join(headers).lower()
        signed = "".join(f"{name.lower()}:{value}\n" for name, value in headers.items())
        request = f"POST\n/\n\n{signed}\n{names}\n{sha256(body).hexdigest()}"
        scope = f"{moment[:8]}/{self._region}/{self._service}/aws4_request"
        text = f"{_ALGORITHM}\n{moment}\n{scope}\n{sha256(request.encode()).hexdigest()}"
        signature = hmac.digest(
            self._key_of(credentials.secret_key, moment[:8]), text.encode(), "sha256"
        ).hex()
        return (
            f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )

    def _key_of(self, secret: str | None, day: str) -> bytes:
        """The key of a day, derived once."""
        known, key = self._key
        if known != (secret, day):
            key = f"AWS4{secret}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key = ((secret, day), key)
        return key
