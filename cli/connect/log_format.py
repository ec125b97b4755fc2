"""Access-log formats: what a stage logs, and what it has to log for the meter. Pure.

A format of API Gateway is a text with variables. The meter reads JSON whose values are quoted variables; a
stage may log more fields, and keeps those that it has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from itertools import takewhile
from typing import Any, NamedTuple

from metering.line_format.format_check import check_format
from metering.line_format.stage_format import read_format

_FIRST_OF_GATEWAY = "requestId"
"""The first field behind the callers' texts."""
_BARE_VARIABLE = re.compile(r"(:\s*)(\$context\.[\w.]+)(?=\s*[,}])")


class MergedFormat(NamedTuple):
    """A format that has the meter's fields and those of the stage."""

    text: str
    renamed: Mapping[str, Any]
    """Fields of the stage whose names the meter needs for other values: each is kept as `other_` and its
    name.
    """


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
    """The meter's format with a stage's own fields in it: behind the callers' texts, by whose place the meter
    sees that a line has its format, and before all that counts. A name that occurs twice in a line counts
    with its last value, so that no value of the stage's fields can take the place of one of the meter's.
    """
    wanted = fields_of(needed) or {}
    own = (fields_of(text) if text else None) or {}
    renamed = {name: value for name, value in own.items() if name in wanted and value != wanted[name]}
    kept = {name: value for name, value in own.items() if name not in wanted}
    kept |= {f"other_{name}": value for name, value in renamed.items()}
    if not kept:
        return MergedFormat(needed, renamed)
    callers = dict(takewhile(lambda field: field[0] != _FIRST_OF_GATEWAY, wanted.items()))
    fields = callers | kept | wanted if _FIRST_OF_GATEWAY in wanted else kept | wanted
    return MergedFormat(json.dumps(fields, separators=(",", ":"), ensure_ascii=False), renamed)
