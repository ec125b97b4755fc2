"""What can be wrong with a request, as RFC 9457 writes it (application/problem+json).

Problem
├── BadRequest       400: the caller must change the request
├── Unauthorized     401: nobody says whose request it is
├── Forbidden        403: it is for operators
└── NotFound         404: there is no such place

https://www.rfc-editor.org/rfc/rfc9457
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import ClassVar, Final

MEDIA_TYPE: Final = "application/problem+json"


class Problem(Exception):
    """A request that cannot be served. The text says what the caller can change."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR

    @property
    def detail(self) -> str:
        """What is wrong, and the way out."""
        return str(self)


class BadRequest(Problem):
    """The request says something that it must not, or lacks something."""

    status = HTTPStatus.BAD_REQUEST


class Unauthorized(Problem):
    """API Gateway names no API key for a request that needs one."""

    status = HTTPStatus.UNAUTHORIZED


class Forbidden(Problem):
    """API Gateway names no IAM caller for a request that needs one."""

    status = HTTPStatus.FORBIDDEN


class NotFound(Problem):
    """There is nothing at that place."""

    status = HTTPStatus.NOT_FOUND


def document(status: HTTPStatus, detail: str) -> str:
    """A problem without a type of its own: its title is that of the status."""
    return json.dumps({"type": "about:blank", "title": status.phrase, "status": status, "detail": detail})
