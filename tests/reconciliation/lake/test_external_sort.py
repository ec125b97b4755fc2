"""Counters put in order."""

from __future__ import annotations

import os
import random
import tempfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.counters.counter import Counter
from metering.period import Period
from metering.usage import Usage
from reconciliation.lake.external_sort import sorted_counters

COUNTERS = st.builds(
    Counter,
    key=st.text(max_size=3),
    period=st.sampled_from([Period("2026-10"), Period("2026-10-01"), Period("2026-10-31")]),
    usage=st.builds(Usage, requests=st.integers(0, 2**63), fingerprint=st.integers(-(2**126), 2**126)),
    parts=st.dictionaries(st.sampled_from(["01", "23", "31"]), st.integers(0, 2**40)),
)


@given(st.lists(COUNTERS), st.integers(1, 5))
def test_order(counters: list[Counter], run_length: int) -> None:
    """The same counters as sorted in memory, whether they fit into one run or wait in files."""
    expected = sorted(counters, key=lambda counter: (counter.key, counter.period))
    assert expected == list(sorted_counters(counters, run_length))


def test_months_before_days_and_code_points() -> None:
    """The order in which the lake's rows come."""
    counters = [
        Counter(key, Period(period), Usage())
        for key in ("!malformed", "-", "Z", "a", "ab", "é", "\U0001f600")
        for period in ("2026-10", "2026-10-01", "2026-10-02")
    ]
    shuffled = random.Random(1).sample(counters, len(counters))
    assert counters == list(sorted_counters(shuffled, 4))


def test_left_early() -> None:
    """Files are closed with it (an open one would be a warning, and so a failure)."""
    found = sorted_counters([Counter(str(n), Period("2026-10"), Usage()) for n in range(100)], 7)
    assert "0" == next(found).key
    found.close()  # type: ignore[attr-defined]  # it is a generator


def test_files_fit_into_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """100,000 keys with calls in all hours of all days fit into the 512 MB of `/tmp`: 160 bytes a counter."""
    files, dice = [], random.Random(1)
    make = tempfile.TemporaryFile

    def noted(**how: Any) -> Any:
        files.append(make(**how))
        return files[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", noted)
    keys = [f"{dice.getrandbits(40):010x}" for _ in range(40)]
    counters = [
        Counter(
            key,
            Period(f"2026-10-{day:02d}"),
            Usage(
                dice.randrange(99_999),
                900,
                99,
                dice.getrandbits(30),
                0,
                dice.getrandbits(20),
                dice.getrandbits(80),
            ),
            {f"{hour:02d}": dice.randrange(9_999) for hour in range(24)},
        )
        for key in keys
        for day in range(1, 32)
    ]
    found = sorted_counters(counters, len(counters) // 2)
    next(found)
    sizes = [os.fstat(file.fileno()).st_size for file in files]
    found.close()  # type: ignore[attr-defined]  # it is a generator
    assert 2 == len(sizes)
    assert 100_000 * 32 * sum(sizes) / len(counters) < 512 * 1024 * 1024
