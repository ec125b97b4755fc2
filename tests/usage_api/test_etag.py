"""When an answer is still good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from metering.period import Period
from tests.usage_api.sources import NOW, Complete, Memory
from usage_api.etag import cache_control, etag_of, matches
from usage_api.parameters import Days


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


class TestAge:
    def test_settled_month(self) -> None:
        """A month that ended long ago, and is complete, is kept for an hour."""
        look_ups = Memory().look_ups()
        assert "private, max-age=3600" == cache_control(look_ups.usage("k1", Period("2026-10")))
        days = Days(Period("2026-10-01"), Period("2026-10-31"))
        assert "private, max-age=3600" == cache_control(look_ups.usage_of_days("k1", days))

    def test_moving(self) -> None:
        """All else for seconds: this month, one that has just ended, and one of which nobody knows."""
        unsettled = Complete(datetime(2026, 11, 3, 23, 59, 59, tzinfo=UTC))
        for answer in (
            Memory().look_ups().usage("k1"),
            Memory(complete=unsettled).look_ups().usage("k1", Period("2026-10")),
            Memory(complete=Complete(None)).look_ups().usage("k1", Period("2026-10")),
            Memory().look_ups().quota("k1"),
        ):
            assert "private, max-age=5" == cache_control(answer)
