"""Replies: answers in the form that a caller wants, files, and problems, each with its headers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response

from usage_api import csv_export as tabular
from usage_api import problems
from usage_api.etag import VARY, etag_of, etag_of_bytes, matches
from usage_api.invoices import InvoiceFile
from usage_api.schemas import Answer
from usage_api.static_files import PageFile, text_file

JSON: Final = "application/json"
CSV_TYPE: Final = f"{tabular.MEDIA_TYPE}; charset=utf-8"

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors"
)
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": f"{_POLICY} 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000",
}
"""Of every reply but the page that may be in a frame. Browsers do as Strict-Transport-Security says only
where it came over TLS.
"""

_FILES_KEPT: Final = "no-cache"
"""A browser keeps a file and asks each time whether it is still the same: the page and its scripts always fit
together.
"""

_NEVER_KEPT: Final = {"Cache-Control": "no-store"}
"""No browser and no proxy keeps what somebody has used, not even on the disk of whoever asked: a program that
wants to save requests keeps an answer itself, and asks with its ETag.
"""

Reply = Response[Any]


def reply(answer: Answer, accept: str | None, if_none_match: str | None, link: str | None = None) -> Reply:
    """An answer as JSON, or as CSV where the caller wants that and the answer is a table. `link` leads to the
    next page of one that has several.
    """
    as_csv = tabular.is_table(type(answer)) and prefers_csv(accept)
    content_type = CSV_TYPE if as_csv else JSON
    etag = etag_of(answer, content_type)
    headers = {"ETag": etag, "Vary": VARY, **_NEVER_KEPT}
    if link is not None:
        headers["Link"] = link
    if matches(etag, if_none_match):
        return _reply(HTTPStatus.NOT_MODIFIED, None, None, headers)
    if as_csv:
        headers["Content-Disposition"] = 'attachment; filename="usage.csv"'
    return _reply(
        HTTPStatus.OK,
        content_type,
        tabular.written(answer) if as_csv else answer.model_dump_json(by_alias=True),
        headers,
    )


def saved_reply(file: InvoiceFile, if_none_match: str | None) -> Reply:
    """A file that a browser saves and does not open: it has a policy of its own, which is not the page's."""
    etag = etag_of_bytes(file.content)
    headers = {"ETag": etag, "Vary": VARY, **_NEVER_KEPT}
    if matches(etag, if_none_match):
        return _reply(HTTPStatus.NOT_MODIFIED, None, None, headers)
    headers["Content-Disposition"] = f'attachment; filename="{file.name}"'
    charset = "" if file.media_type == JSON else "; charset=utf-8"
    return _reply(HTTPStatus.OK, f"{file.media_type}{charset}", file.content.decode(), headers)


def next_page(query: Mapping[str, object]) -> str | None:
    """The header `Link` to the next page of a table, relative to the request; None on the last one, whose
    `next` is None.

    https://www.rfc-editor.org/rfc/rfc8288
    """
    return None if query["next"] is None else f'<?{urlencode(query)}>; rel="next"'


def page_headers(frame_ancestors: Sequence[str]) -> Mapping[str, str]:
    """The headers of a page that pages of these origins may show in a frame; without origins, no page may.

    `X-Frame-Options` cannot name origins, and is left out where there are some: browsers that know
    `frame-ancestors` ignore it then.
    https://www.w3.org/TR/CSP3/#frame-ancestors-and-frame-options
    """
    if not frame_ancestors:
        return SECURITY_HEADERS
    others = {name: value for name, value in SECURITY_HEADERS.items() if name != "X-Frame-Options"}
    return others | {"Content-Security-Policy": f"{_POLICY} {' '.join(frame_ancestors)}"}


def page_in_frames(page: PageFile, frame_ancestors: Sequence[str]) -> PageFile:
    """The page with an ETag that differs for other origins: a browser keeps headers along with a page, and
    would go on with the former origins.
    """
    if not frame_ancestors:
        return page
    return replace(page, etag=etag_of_bytes(" ".join([page.etag, *frame_ancestors]).encode()))


def file_reply(
    file: PageFile, if_none_match: str | None, security: Mapping[str, str] = SECURITY_HEADERS
) -> Reply:
    """A file of the page, unless the caller has it."""
    headers = {"ETag": file.etag, "Cache-Control": _FILES_KEPT}
    if matches(file.etag, if_none_match):
        return _reply(HTTPStatus.NOT_MODIFIED, None, None, headers, security)
    return _reply(HTTPStatus.OK, file.content_type, file.content, headers, security)


def document_reply(content: str, if_none_match: str | None) -> Reply:
    """A JSON document that is the same for everybody."""
    return file_reply(text_file(content, JSON), if_none_match)


def redirect(address: str, security: Mapping[str, str] = SECURITY_HEADERS) -> Reply:
    """Sends a browser to another address."""
    headers = {"Location": address, **_NEVER_KEPT}
    return _reply(HTTPStatus.TEMPORARY_REDIRECT, None, None, headers, security)


def problem_reply(status: HTTPStatus, detail: str, **more: str) -> Reply:
    """A problem; it is never kept."""
    headers = {**_NEVER_KEPT, **{name.replace("_", "-"): value for name, value in more.items()}}
    return _reply(status, problems.MEDIA_TYPE, problems.document(status, detail), headers)


def prefers_csv(accept: str | None) -> bool:
    """Whether a header `Accept` puts CSV before JSON.

    https://www.rfc-editor.org/rfc/rfc9110#name-accept
    """
    return preferred(accept, [JSON, tabular.MEDIA_TYPE]) == tabular.MEDIA_TYPE


def preferred(accept: str | None, media_types: Sequence[str]) -> str:
    """The media type that a header `Accept` puts before the others; of equals, the first.

    https://www.rfc-editor.org/rfc/rfc9110#name-accept
    """
    weights = dict(_weight(one) for one in (accept or "").lower().split(","))
    return max(media_types, key=lambda one: weights.get(one, weights.get(f"{one.partition('/')[0]}/*", 0.0)))


def _weight(text: str) -> tuple[str, float]:
    """A media type and how much it is wanted, from 0 to 1; what cannot be read is not wanted."""
    media_type, *parameters = (part.strip() for part in text.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return media_type, min(1.0, max(0.0, float(value)))
            except ValueError:
                return media_type, 0.0
    return media_type, 1.0


def _reply(
    status: HTTPStatus,
    content_type: str | None,
    body: str | bytes | None,
    headers: dict[str, str],
    security: Mapping[str, str] = SECURITY_HEADERS,
) -> Reply:
    return Response(status, content_type, body, {**security, **headers})
