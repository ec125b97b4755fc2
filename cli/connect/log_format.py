"""Access-log formats: what a stage logs, and what it has to log for the meter. Pure.

A format of API Gateway is a text with variables. The meter reads JSON whose values are quoted variables; a
stage may log more fields, and keeps those that it has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from metering.line_format.format_check import check_format
from metering.line_format.format_extension import extended
from metering.line_format.stage_format import FormatField, read_format

_FIRST_OF_GATEWAY = "requestId"
"""The first field behind the callers' texts."""
_BARE_VARIABLE = re.compile(r"(:\s*)(\$context\.[\w.]+)(?=\s*[,}])")


class MergedFormat(NamedTuple):
    """A format that has the meter's fields and those of the stage."""

    text: str
    renamed: Mapping[str, object]
    """Fields of the stage whose names the meter needs for other values: each is kept as `other_` and its
    name.
    """
    left_out: tuple[str, ...] = ()
    """Fields of the stage that hold the API key itself, a secret."""


def fields_of(text: str) -> dict[str, Any] | None:
    """The fields of a format, in its order; None if it is no JSON object. Variables without quotes, as
    numbers are often written, are read as if they had some.
    """
    try:
        found = json.loads(_BARE_VARIABLE.sub(r'\1"\2"', text))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def has_all(text: str, needed: str) -> bool:
    """Whether a format logs all that the meter needs, as and where it needs it."""
    fields = fields_of(text)
    bare = [match.group(2) for match in _BARE_VARIABLE.finditer(text)]
    wanted = fields_of(needed) or {}
    return (
        fields is not None
        and all(fields.get(name) == value and value not in bare for name, value in wanted.items())
        and (
            _FIRST_OF_GATEWAY not in wanted
            or text == merged(text, needed).text
            or check_format(read_format(text)).is_full
        )
    )


def merged(text: str | None, needed: str) -> MergedFormat:
    """The meter's format with a stage's own fields in it: no value of theirs can take the place of one of the
    meter's, and the secret is left out. See :func:`metering.line_format.format_extension.extended`.
    """
    wanted = fields_of(needed) or {}
    extension = extended(_own(text), wanted, read_format(needed).api_type)
    has_own = any(field.name not in wanted for part in extension.parts for field in part)
    return MergedFormat(extension.text if has_own else needed, extension.renamed, extension.left_out)


def _own(text: str | None) -> tuple[FormatField, ...]:
    """The fields of a stage's format; none where it is no JSON, or holds constants alone."""
    fields = (fields_of(text) if text else None) or {}
    try:
        return read_format(text or "").fields if fields else ()
    except ValueError:
        return tuple(FormatField(name, value) for name, value in fields.items())
