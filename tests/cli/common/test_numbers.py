"""Whole numbers as people type them."""

import pytest
import typer

from cli.common.numbers import whole_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("10000000", 10_000_000),
        ("10,000,000", 10_000_000),
        ("10_000_000", 10_000_000),
        ("10M", 10_000_000),
        ("1.5k", 1_500),
        ("2.628B", 2_628_000_000),
        (" 7 ", 7),
    ],
)
def test_as_people_type_them(text: str, number: int) -> None:
    """With separators or a letter for the zeros."""
    assert number == whole_number(text)


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "10,00", "1.2345k", "10X", "M", "1e6"])
def test_what_is_none(text: str) -> None:
    """Is refused with how to write one."""
    with pytest.raises(typer.BadParameter, match="write 10000000, 10,000,000 or 10M"):
        whole_number(text)
