"""What the user sees in place of a traceback."""

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)

from adapters.errors import translate
from cli.common.errors import explained
from metering.errors import Misconfigured, Transient

REFUSED = ClientError(
    {"Error": {"Code": "AccessDeniedException", "Message": "You are not allowed"}}, "DescribeStacks"
)


THROTTLED = ClientError({"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}, "DescribeStacks")


@pytest.mark.parametrize(
    ("error", "sentence", "exit_code"),
    [
        (
            EndpointConnectionError(endpoint_url="http://127.0.0.1:1/"),
            "Nothing responds at http://127.0.0.1:1/",
            2,
        ),
        (NoCredentialsError(), "set AWS_PROFILE", 2),
        (NoRegionError(), "set AWS_REGION", 2),
        (ProfileNotFound(profile="shop"), "The config profile (shop) could not be found", 2),
        (REFUSED, "AWS refuses DescribeStacks: You are not allowed (AccessDeniedException)", 2),
        (
            THROTTLED,
            "AWS does not respond to DescribeStacks now: Rate exceeded (Throttling). Try again.",
            1,
        ),
        (Misconfigured(["TABLE is not set"]), "Invalid settings: TABLE is not set.", 2),
        (Transient("the table is busy"), "A service did not respond: the table is busy. Try again.", 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_errors_of_others_are_explained(error: Exception, sentence: str, exit_code: int) -> None:
    """In a sentence that says what to do."""
    shown = explained(error)

    assert shown is not None
    assert sentence in str(shown)
    assert exit_code == shown.exit_code


@pytest.mark.parametrize(
    ("cause", "sentence"),
    [
        (
            EndpointConnectionError(endpoint_url="http://127.0.0.1:1/"),
            "Nothing responds at http://127.0.0.1:1/",
        ),
        (NoCredentialsError(), "There are no AWS credentials: set AWS_PROFILE"),
    ],
    ids=["no endpoint", "no credentials"],
)
def test_the_reason_on_this_machine_is_reported(cause: Exception, sentence: str) -> None:
    """The border makes errors of the meter's own of these two: the user sees what to put right."""
    error = translate(cause, "DescribeStacks of usage-meter")
    error.__cause__ = cause
    shown = explained(error)

    assert shown is not None
    assert (True, 2) == (str(shown).startswith(sentence), shown.exit_code)


def test_a_service_that_answers_speaks_for_itself() -> None:
    """What the meter says of an answer is not replaced by AWS's own words."""
    error = Misconfigured(["there is no stack shop in eu-west-1: name stack, region and profile"])
    error.__cause__ = REFUSED
    shown = explained(error)

    assert shown is not None
    assert "there is no stack shop in eu-west-1" in str(shown)


def test_faults_of_ours_are_not() -> None:
    """They show where they come from."""
    assert explained(TypeError("no")) is None
