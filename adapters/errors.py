"""The errors of every AWS service, translated into the meter's own by one table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's name for it
    HTTPClientError,
    NoCredentialsError,
    ParamValidationError,
)

from metering.errors import MeterError, Misconfigured, Transient

THROTTLING_CODES: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""Each service names throttling in its own way: these are all that `botocore.retries.standard` knows,
written out so that no cold start loads that module. A test compares both lists.
"""

PASSING_CODES: Final = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServerErrorException",
        "KMSThrottlingException",
        "ReplicatedWriteConflictException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "TransactionConflictException",
    }
)
"""Failures inside a service, time-outs, and writes that met another one.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
"""

TRANSIENT_CODES: Final = THROTTLING_CODES | PASSING_CODES

CONDITION_FAILED: Final = "ConditionalCheckFailedException"

_TOO_MANY_REQUESTS: Final = 429
_FIRST_SERVER_ERROR: Final = 500


def is_transient(error: ClientError) -> bool:
    """Whether a service may answer the same request otherwise later."""
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code in TRANSIENT_CODES or status == _TOO_MANY_REQUESTS or status >= _FIRST_SERVER_ERROR


def translate(error: Exception, place: str) -> MeterError:
    """The meter's own error for one of the AWS client: Transient if the same request may work later.

    A condition that failed is an answer, not an error, and must not come here.
    """
    if isinstance(error, ClientError):
        if is_transient(error):
            return Transient(f"{place}: {error}")
        return Misconfigured([f"{place}: {error}"])
    if isinstance(error, HTTPClientError | ConnectionError):
        return Transient(f"{place}: {error}")
    if isinstance(error, NoCredentialsError | ParamValidationError | BotoCoreError):
        return Misconfigured([f"{place}: {error}"])
    raise error


AWS_ERRORS: Final = (ClientError, BotoCoreError)
"""Whatever a boto3 client raises because of AWS or the way there."""


def code_of(error: BaseException | None) -> str:
    """The code that AWS gave for an error; an empty one where AWS gave none."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Whatever a boto3 client raises inside is raised as the meter's own error, and names the place.

    Raises:
        Transient, Misconfigured: by :func:`translate`.
    """
    try:
        yield
    except AWS_ERRORS as error:
        raise translate(error, place) from error
