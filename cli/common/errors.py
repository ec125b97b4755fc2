"""The messages that the user of the command sees in place of a traceback.

Exit codes of every command: 0 done, 1 found a problem, 2 wrong use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)

from adapters.errors import is_transient
from cli.common.pipe import OutputError
from metering.errors import MeterError, Misconfigured, Transient
from metering.proof.archive import ArchivedMonthError

DONE: Final = 0
PROBLEM: Final = 1
WRONG_USE: Final = 2

INTERRUPTED: Final = 130
"""As shells say it: 128 and the number of SIGINT."""


ON_THIS_MACHINE: Final = (EndpointConnectionError, NoCredentialsError)
"""What the user can put right here: no service has been reached."""


class CommandError(Exception):
    """One clear sentence that says what is wrong and what to do about it."""

    def __init__(self, sentence: str, exit_code: int = WRONG_USE) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


def explained(error: BaseException) -> CommandError | None:
    """The message for an error with an outside cause; None for an error that is a fault of this program.

    For an error of the meter's own whose reason is on this machine, the message gives the reason.
    """
    if isinstance(error, MeterError) and isinstance(error.__cause__, ON_THIS_MACHINE):
        return explained(error.__cause__)
    if isinstance(error, ClientError) and is_transient(error):
        return CommandError(_unanswered(error), PROBLEM)
    for kind, (sentence, exit_code) in _SENTENCES.items():
        if isinstance(error, kind):
            return CommandError(sentence(error), exit_code)
    return None


def _unreachable(error: Any) -> str:
    address = error.kwargs.get("endpoint_url", "the endpoint")
    return f"Nothing responds at {address}: start the service, or unset the variable that names it."


def _unanswered(error: ClientError) -> str:
    return f"AWS does not respond to {error.operation_name} now: {_of_aws(error)}. Try again."


def _refused(error: Any) -> str:
    return f"AWS refuses {error.operation_name}: {_of_aws(error)}. Check stack, region and credentials."


def _of_aws(error: ClientError) -> str:
    return f"{error.response['Error']['Message']} ({error.response['Error']['Code']})"


_SENTENCES: Final[dict[type[Exception], tuple[Callable[[Any], str], int]]] = {
    EndpointConnectionError: (_unreachable, WRONG_USE),
    NoCredentialsError: (
        lambda _: (
            "There are no AWS credentials: set AWS_PROFILE, or the variables that `usage-meter local` prints."
        ),
        WRONG_USE,
    ),
    NoRegionError: (lambda _: "There is no AWS region: set AWS_REGION or AWS_PROFILE.", WRONG_USE),
    ProfileNotFound: (
        lambda error: f"{error}: set AWS_PROFILE to one that `aws configure list-profiles` prints.",
        WRONG_USE,
    ),
    ClientError: (_refused, WRONG_USE),
    OutputError: (lambda error: f"standard output cannot be written: {error.strerror}.", PROBLEM),
    ArchivedMonthError: (lambda error: f"{error}.", PROBLEM),
    Misconfigured: (lambda error: f"Invalid settings: {error}.", WRONG_USE),
    Transient: (lambda error: f"A service did not respond: {error}. Try again.", PROBLEM),
}
