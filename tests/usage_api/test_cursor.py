"""Where a list goes on."""

from __future__ import annotations

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from usage_api.cursor import LONGEST_TOKEN, key_before, token_after
from usage_api.problems import BadRequest

KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=256)


class TestTokens:
    @given(KEYS)
    def test_there_and_back(self, key: str) -> None:
        """A list goes on after the key that it had shown last; the text fits an address as it is."""
        token = token_after(key)
        assert key == key_before(token)
        assert token.replace("-", "").replace("_", "").isalnum()
        assert len(token) <= LONGEST_TOKEN

    @given(st.text(max_size=80))
    @example("")
    @example("=")
    @example("AAAA\n")
    def test_made_up(self, text: str) -> None:
        """What no list gave out is refused, whatever it is."""
        with pytest.raises(BadRequest, match="begin again"):
            key_before(text)

    @given(KEYS, st.integers(0, 10_000), st.integers(1, 255))
    def test_changed(self, key: str, place: int, change: int) -> None:
        """So is one in which a byte was changed."""
        token = token_after(key)
        content = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        content[place % len(content)] ^= change
        with pytest.raises(BadRequest):
            key_before(base64.urlsafe_b64encode(content).decode().rstrip("="))
