"""What can be the id of a key: one rule, the same wherever an id comes in.

An id is what a call is counted under, so that a caller whose id breaks the rule could be neither counted, nor
limited, nor billed. The access log counts such a line under a name that follows from the text:
:func:`counted_key`. A text that breaks the rule by nothing but its length, as the subject of a token may,
is taken at every other door too, and means that name: :func:`key_of_subject`. Of any other, the authorizer
lets no caller through, and plans, tariffs, commands and look-ups refuse it.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

from metering.outcome import MALFORMED_KEY, UNATTRIBUTED_KEY, UNDECODABLE_KEY, is_reserved

LONGEST_KEY_ID: Final = 1022
"""In characters, of which a single quote counts twice: a parameter of Athena has 1,024, with quotes around
it. https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html
"""
MOST_BYTES: Final = 1024
"""In UTF-8: what a sort key of DynamoDB can hold."""

_UNFIT: Final = r"\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffd"
"""Control characters, line ends and what stands for damaged text."""

_KEY_ID: Final = rf"[^!.\-{_UNFIT}][^{_UNFIT}]*|-[^{_UNFIT}]+|\.(?:[^.{_UNFIT}][^{_UNFIT}]*|\.[^{_UNFIT}]+)"

KEY_ID_PATTERN: Final = f"^(?:{_KEY_ID})$"
"""The rule but for the length, without what only some dialects of regular expressions have."""

COUNTER_NAME_PATTERN: Final = f"^(?:{_KEY_ID}|{UNATTRIBUTED_KEY}|{MALFORMED_KEY}|{UNDECODABLE_KEY})$"
"""What a counter may be named after: an id, or a reserved key."""

_DIGEST_BYTES: Final = 16
_KEPT_CHARACTERS: Final = 120
_TO_REPLACE: Final = re.compile(rf"[{_UNFIT}\ud800-\udfff]|\A[!.]")
_SURROGATES: Final = re.compile(r"[\ud800-\udfff]")
_matches: Final = re.compile(KEY_ID_PATTERN).fullmatch


SHORTEST_SECRET: Final = 20
"""As API Gateway's own keys have at least."""
FEWEST_CHARACTERS: Final = 8


def secret_fault(secret: str) -> str | None:
    """Why a text is too weak to be a key itself; None if it is not. Of a key only a hash without a salt is
    kept, so that whoever reads the table could find a weak one by trying.
    """
    if len(secret) < SHORTEST_SECRET:
        return f"the key has {len(secret)} characters; from {SHORTEST_SECRET} on nobody can find it by trying"
    if len(set(secret)) < FEWEST_CHARACTERS:
        return (
            f"the key has fewer than {FEWEST_CHARACTERS} different characters: somebody may find it by trying"
        )
    return None


def is_key_id(text: str) -> bool:
    """Whether a text can be the id of a key."""
    return (
        len(text) + text.count("'") <= LONGEST_KEY_ID
        and _matches(text) is not None
        and _SURROGATES.search(text) is None
        and len(text.encode()) <= MOST_BYTES
    )


def counted_key(text: str) -> str:
    """The key that the calls of a text are counted under: the text itself nearly always."""
    return text if is_key_id(text) else shortened(text, _TO_REPLACE.sub("_", text))


def key_of_subject(text: str) -> str:
    """The key that a subject means, as an identity provider or a user writes it: what its calls are counted
    under.

    Raises ValueError, with the reason, where a text can be no key's whatever its length.
    """
    fault = _fault_but_for_length(text)
    if fault is not None:
        raise ValueError(fault)
    return counted_key(text)


def key_of_caller(name: object) -> str | None:
    """The key that the calls of a verified caller are counted under; None where there can be none. A quote
    may come into a line unescaped, so that a name with one could be read as another.
    """
    if not isinstance(name, str) or '"' in name:
        return None
    try:
        return key_of_subject(name)
    except ValueError:
        return None


def shortened(text: str, fit: str) -> str:
    """The beginning of what is fit of a text, and the text's hash: for the eye, and for uniqueness."""
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{fit[:_KEPT_CHARACTERS]}~{digest}"


def key_id_fault(text: str) -> str | None:
    """Why a text can be no key id; None if it can."""
    if is_key_id(text):
        return None
    if fault := _fault_but_for_length(text):
        return fault
    if len(text) + text.count("'") > LONGEST_KEY_ID:
        return f"{text[:40]!r}... has {len(text)} characters; an id has {LONGEST_KEY_ID} at most"
    return f"{text[:40]!r}... has {len(text.encode())} bytes; an id has {MOST_BYTES} at most"


def _fault_but_for_length(text: str) -> str | None:
    if not text:
        return "an empty text names no key"
    if is_reserved(text):
        return f"{text!r} is reserved for calls without a key"
    if text in (".", ".."):
        return f"{text!r} leads elsewhere in an address"
    if _matches(text) is None or _SURROGATES.search(text):
        return f"{text[:40]!r} has control characters, line ends or damaged text; an id has none of them"
    return None
