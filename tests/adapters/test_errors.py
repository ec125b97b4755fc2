"""The table that turns botocore's errors into the meter's."""

from __future__ import annotations

import botocore.session
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

from adapters.errors import CONDITION_FAILED, TRANSIENT_CODES, translate
from metering.errors import Misconfigured, Transient

SETTLED = {
    "ConditionalCheckFailedException",
    "ItemCollectionSizeLimitExceededException",
    "ResourceNotFoundException",
}
"""Errors of UpdateItem that no retry of the same request changes."""

SERVICES = (
    *("apigateway", "athena", "cloudformation", "cloudwatch", "dynamodb", "events", "firehose", "glue"),
    *("kinesis", "lambda", "logs", "s3", "sts"),
)
"""Those that some part of the meter calls."""


def client_error(code: str, status: int = 400) -> ClientError:
    """An answer of DynamoDB."""
    return ClientError(
        {"Error": {"Code": code, "Message": "told"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "UpdateItem",
    )


class TestTranslate:
    def test_total(self) -> None:
        """Every error that the service's model names for UpdateItem is in the table, or settled."""
        model = botocore.session.get_session().get_service_model("dynamodb")
        named = {shape.name for shape in model.operation_model("UpdateItem").error_shapes}
        assert set() == {
            name
            for name in named - SETTLED
            if name.removesuffix("Exception")
            not in {code.removesuffix("Exception") for code in TRANSIENT_CODES}
        }

    @pytest.mark.parametrize(
        "code",
        sorted(
            {
                *ThrottledRetryableChecker._THROTTLED_ERROR_CODES,  # type: ignore[attr-defined] # noqa: SLF001
                *TransientRetryableChecker._TRANSIENT_ERROR_CODES,  # type: ignore[attr-defined] # noqa: SLF001
            }
        ),
    )
    def test_what_botocore_repeats(self, code: str) -> None:
        """Whatever botocore takes for throttling or passing, of any service, is worth another attempt."""
        assert isinstance(translate(client_error(code), "DescribeStacks of usage-meter"), Transient)

    @pytest.mark.parametrize("service", SERVICES)
    def test_what_services_call_throttling(self, service: str) -> None:
        """Every error that a service's model names as throttling is worth another attempt."""
        model = botocore.session.get_session().get_service_model(service)
        named = {shape.name for shape in model.error_shapes}
        throttling = {name for name in named if "Throttl" in name or name.startswith("TooManyRequests")}
        assert set() == {
            name for name in throttling if not isinstance(translate(client_error(name), service), Transient)
        }

    def test_too_many_requests(self) -> None:
        """A status of 429 is throttling by whatever name."""
        assert isinstance(translate(client_error("Unheard", 429), "table"), Transient)

    @pytest.mark.parametrize("code", sorted(TRANSIENT_CODES))
    def test_transient(self, code: str) -> None:
        """These pass."""
        assert isinstance(translate(client_error(code), "table"), Transient)

    def test_server_error(self) -> None:
        """Whatever answers with a status of 500 or above may answer otherwise later."""
        assert isinstance(translate(client_error("Unheard", 503), "table"), Transient)

    @pytest.mark.parametrize(
        "error",
        [
            EndpointConnectionError(endpoint_url="http://127.0.0.1"),
            ConnectionClosedError(endpoint_url="http://127.0.0.1"),
            ReadTimeoutError(endpoint_url="http://127.0.0.1"),
        ],
    )
    def test_network(self, error: Exception) -> None:
        """An answer that was lost or never came says nothing: try again."""
        assert isinstance(translate(error, "table"), Transient)

    @pytest.mark.parametrize(
        "error",
        [
            client_error("AccessDeniedException"),
            client_error("ResourceNotFoundException"),
            client_error("ValidationException"),
            client_error("UnrecognizedClientException"),
            NoCredentialsError(),
            ParamValidationError(report="no table"),
        ],
    )
    def test_misconfigured(self, error: Exception) -> None:
        """These stay until somebody changes something, and the error says where."""
        translated = translate(error, "UpdateItem of counters")
        assert isinstance(translated, Misconfigured)
        assert "UpdateItem of counters" in str(translated)

    def test_condition(self) -> None:
        """A condition that failed is an answer: its code is the one that the service has."""
        assert CONDITION_FAILED in SETTLED

    def test_bug(self) -> None:
        """What is no error of AWS's is a bug, and passes through."""
        with pytest.raises(KeyError):
            translate(KeyError("x"), "table")
