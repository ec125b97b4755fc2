"""A number that a line does not have: API Gateway writes a dash for it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Self


class Absent(StrEnum):
    """What a decoder puts in the place of such a number. It is false, so that `or 0` makes a 0 of it.

    Its value is the dash, but as a text it is empty: an empty text is false without a line of Python being
    run, which counts where it happens for every call.
    """

    DASH = "-"

    def __new__(cls, value: str) -> Self:
        """The member with this value."""
        absent = str.__new__(cls)
        absent._value_ = value
        return absent

    if TYPE_CHECKING:

        def __bool__(self) -> Literal[False]: ...
