"""One JSON text for one content: the same values always give the same bytes."""

from __future__ import annotations

import json


def canonical_json(document: object) -> bytes:
    """The document in UTF-8, keys sorted, without spaces, ended by nothing.

    Raises ValueError for a value that JSON has not, and TypeError for one that it cannot write (a Decimal:
    money goes in as text).
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()
