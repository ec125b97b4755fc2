"""Access-log formats: what a stage logs, and what it has to log for the meter. Pure.

A format of API Gateway is a text with variables. The meter reads JSON whose values are quoted variables; a
stage may log more fields, and keeps those that it has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

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
    """Whether a format logs all that the meter needs, as it needs it."""
    fields = fields_of(text)
    bare = [match.group(2) for match in _BARE_VARIABLE.finditer(text)]
    wanted = fields_of(needed) or {}
    return fields is not None and all(
        fields.get(name) == value and value not in bare for name, value in wanted.items()
    )


def merged(text: str | None, needed: str) -> MergedFormat:
    """The meter's format with a stage's own fields before it. A name that occurs twice in a line counts with
    its last value, so that no value of the stage's fields can take the place of one of the meter's.
    """
    wanted = fields_of(needed) or {}
    own = (fields_of(text) if text else None) or {}
    renamed = {name: value for name, value in own.items() if name in wanted and value != wanted[name]}
    kept = {name: value for name, value in own.items() if name not in wanted}
    kept |= {f"other_{name}": value for name, value in renamed.items()}
    if not kept:
        return MergedFormat(needed, renamed)
    return MergedFormat(json.dumps(kept | wanted, separators=(",", ":"), ensure_ascii=False), renamed)
