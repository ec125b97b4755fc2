"""Whole numbers as people type them."""

import pytest
import typer

from cli.common.numbers import count, whole_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("10000000", 10_000_000),
        ("10,000,000", 10_000_000),
        ("10_000_000", 10_000_000),
        ("10M", 10_000_000),
        ("1e6", 1_000_000),
        ("2.5E3", 2_500),
        ("1.5k", 1_500),
        ("2.628B", 2_628_000_000),
        (" 7 ", 7),
    ],
)
def test_as_people_type_them(text: str, number: int) -> None:
    """With separators or a letter for the zeros."""
    assert number == whole_number(text)


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "1.5", "10,00", "1.2345k", "10X", "M", "1e", "1e-6", "1.25e1"]
)
def test_what_is_none(text: str) -> None:
    """Is refused with how to write one."""
    with pytest.raises(typer.BadParameter, match="write 10000000, 10,000,000 or 10M"):
        whole_number(text)


def test_a_range() -> None:
    """What lies outside of it is refused with the range."""
    limit = count(1, 1000)
    assert [1, 1000] == [limit("1"), limit("1k")]
    for text in ("0", "1001", "2k", "many"):
        with pytest.raises(typer.BadParameter, match=r"is not a whole number from 1 to 1,000$"):
            limit(text)
