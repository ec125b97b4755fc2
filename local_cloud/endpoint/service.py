"""The plug-in point of the local endpoint: an AWS JSON API served by an object of ours."""

from collections.abc import Mapping
from typing import Any, Protocol


class AwsError(Exception):
    """An error of an AWS API: the client sees ``code`` and ``message`` as it would from AWS."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class Service(Protocol):
    """An API of the AWS JSON protocol that the endpoint serves in place of moto.

    Requests arrive from several threads at once and outside moto's lock, so that a service may call the
    endpoint itself. Blobs are base64 text in ``request``; ``bytes`` and ``datetime`` are encoded in the
    answer.
    """

    @property
    def target_prefix(self) -> str:
        """What ``X-Amz-Target`` holds before the dot, e.g. ``AmazonAthena``."""
        ...

    def handle(self, action: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer one request.

        Raises:
            AwsError: the request is refused.
        """
        ...


def unknown_operation(action: str) -> AwsError:
    """The error for an action that a service does not have."""
    return AwsError("UnknownOperationException", f"The local cloud does not serve {action}.")
