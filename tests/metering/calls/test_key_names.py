"""Names that follow from a key are short, safe, and each of one key alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.calls.key_names import MOST_BYTES_OF_NAME, file_name
from metering.key_id import counted_key, is_key_id

TEXTS = st.one_of(
    st.text(min_size=1, max_size=20),
    st.text(min_size=1000, max_size=1100),
    st.text("'!/.%~客\"\\\n", min_size=1, max_size=300),
)


@pytest.mark.parametrize(
    "key", ["d0e96b5f16", "a b", "客" * 341, "k" * 1022, "'" * 511, "repo:o/r:ref@x", "CORP\\alice"]
)
def test_a_key_stands_as_it_is(key: str) -> None:
    """Nearly every text does."""
    assert key == counted_key(key)


@pytest.mark.parametrize(
    "text", ["k" * 1023, "客" * 342, "'" * 512, "!malformed", "..", "a\nb", "\x00", "\ud800"]
)
def test_a_text_that_cannot(text: str) -> None:
    """Is replaced by its beginning and its hash."""
    beginning, _, digest = counted_key(text).partition("~")
    assert len(beginning) <= 120
    assert 32 == len(digest)


@given(TEXTS)
def test_a_counted_key(text: str) -> None:
    """Can be the id of a key: it fits a sort key of DynamoDB and a parameter of Athena, is not reserved."""
    key = counted_key(text)
    assert is_key_id(key)
    assert key == counted_key(key)
    assert len(key.encode()) <= 1024
    assert len(f"'{key.replace(chr(39), chr(39) * 2)}'") <= 1024


@given(st.sets(TEXTS, max_size=30))
def test_no_two_texts_have_one_name(texts: set[str]) -> None:
    """Neither as keys nor as files."""
    assert (
        len(texts) == len({counted_key(text) for text in texts}) == len({file_name(text) for text in texts})
    )


@given(TEXTS)
def test_a_file_name(text: str) -> None:
    """Is one name of a folder or an object, with room for an ending, and never a hidden one."""
    name = file_name(text)
    assert len(name.encode()) <= MOST_BYTES_OF_NAME
    assert name.isascii()
    assert not set(name) & set('/\\\0"<>|:*?')
    assert not name.startswith(".")


def test_a_short_file_name() -> None:
    """Shows the key."""
    assert "acme, Inc. @1+%2Fa=" == file_name("acme, Inc. @1+/a=")
    assert "%2E." == file_name("..")
