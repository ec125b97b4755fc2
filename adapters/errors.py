"""The errors of DynamoDB, translated into the meter's own by one table."""

from __future__ import annotations

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

TRANSIENT_CODES: Final = frozenset(
    {
        "InternalServerError",
        "InternalServerErrorException",
        "InternalFailure",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
"""https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html"""

CONDITION_FAILED: Final = "ConditionalCheckFailedException"

_FIRST_SERVER_ERROR: Final = 500


def translate(error: Exception, place: str) -> MeterError:
    """The meter's own error for one of the AWS client: Transient if the same request may work later.

    A condition that failed is an answer, not an error, and must not come here.
    """
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code in TRANSIENT_CODES or status >= _FIRST_SERVER_ERROR:
            return Transient(f"{place}: {error}")
        return Misconfigured([f"{place}: {error}"])
    if isinstance(error, HTTPClientError | ConnectionError):
        return Transient(f"{place}: {error}")
    if isinstance(error, NoCredentialsError | ParamValidationError | BotoCoreError):
        return Misconfigured([f"{place}: {error}"])
    raise error
