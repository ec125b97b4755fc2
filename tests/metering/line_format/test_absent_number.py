"""Absent numbers, as decoders give them."""

from __future__ import annotations

import msgspec
import pytest

from metering.line_format.absent_number import Absent

decode = msgspec.json.Decoder(int | Absent, strict=False).decode


def test_a_dash() -> None:
    """A dash in the place of a number counts as 0, and is known from a 0 that was written."""
    assert 0 == (decode('"-"') or 0)
    assert decode('"-"') is Absent.DASH


@pytest.mark.parametrize("text", ['"0"', "0", '"17"'])
def test_a_number(text: str) -> None:
    """What is written is a number, a 0 too."""
    assert decode(text) == int(text.strip('"'))


@pytest.mark.parametrize("text", ['""', '"--"', '"x"'])
def test_nothing_else(text: str) -> None:
    """An empty text is not the dash, though it is false like it."""
    with pytest.raises(msgspec.ValidationError):
        decode(text)
