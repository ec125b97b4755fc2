"""When an answer is still good."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.usage_api.sources import NOW, Complete, Memory
from usage_api.etag import etag_of, matches


class TestETag:
    def test_without_as_of(self) -> None:
        """The tag is the same later on, as long as nothing else changes, and it is weak."""
        first = Memory().look_ups().usage("k1")
        later = Memory().look_ups(now=NOW + timedelta(seconds=30)).usage("k1")
        assert first.as_of != later.as_of
        assert etag_of(first, "application/json") == etag_of(later, "application/json")
        assert etag_of(first, "application/json").startswith('W/"')

    def test_content(self) -> None:
        """Another key, another completeness or another form has another tag."""
        answer = Memory().look_ups().usage("k1")
        others = [
            etag_of(Memory().look_ups().usage("k2"), "application/json"),
            etag_of(Memory(complete=Complete(None)).look_ups().usage("k1"), "application/json"),
            etag_of(answer, "text/csv"),
        ]
        assert 4 == len({etag_of(answer, "application/json"), *others})

    @pytest.mark.parametrize("header", ['W/"a"', '"a"', '"x", W/"a"', "*", ' "a" '])
    def test_matches(self, header: str) -> None:
        """Tags are compared weakly, in lists too."""
        assert matches('W/"a"', header)

    @pytest.mark.parametrize("header", [None, "", "a", '"b"', 'W/"ab"'])
    def test_no_match(self, header: str | None) -> None:
        """Anything else is another."""
        assert not matches('W/"a"', header)
