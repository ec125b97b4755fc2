"""The archive of a month as objects."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.counters.counter import Counter
from metering.period import Period
from metering.proof.archive import (
    MOST_COMPARED,
    ArchivedMonthError,
    ArchivedSlice,
    ArchiveIndex,
    ArchiveMark,
    StoredSlice,
    check_not_archived,
    cut,
    index_content,
    not_in_table,
    part_of,
    parts_of_key,
    read_index,
    read_part,
    rows_out,
)
from metering.proof.billing_chain import digest_of
from metering.usage import NO_USAGE, Usage

MONTH = Period("2026-10")
USAGES = st.builds(Usage, *[st.integers(-(2**62), 2**62)] * 6, st.integers(0, 2**126))
WATERMARKS = st.dictionaries(st.sampled_from(["w0", "w12", "w:odd"]), st.binary(min_size=1, max_size=20))


@st.composite
def rows(draw: st.DrawFn) -> list[StoredSlice]:
    """Slices in order: of keys with any characters, on some days."""
    keys = draw(st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=6, unique=True))
    places = st.tuples(st.sampled_from(keys), st.integers(1, 4), st.integers(0, 1))
    found = draw(st.lists(places, min_size=1, max_size=20, unique=True))
    return [
        StoredSlice(
            Counter(key, Period(f"{MONTH}-{day:02d}"), draw(USAGES), {"07": day}), number, draw(WATERMARKS)
        )
        for key, day, number in sorted(found)
    ]


@given(rows(), st.integers(1, 7), st.integers(1, 3))
def test_every_row_is_found_by_its_key(found: list[StoredSlice], part_rows: int, batch_rows: int) -> None:
    """What was written is read; of each key, and for any number of batches that are out, the parts that may
    have it hold exactly its rows in these batches.
    """
    parts = [part_of(MONTH, some) for some in cut(found, part_rows)]
    contents = {part.name: content for part, content in parts}
    index = ArchiveIndex(
        month=MONTH, keys=1, rows=len(found), rows_of_a_batch=batch_rows, parts=[part for part, _ in parts]
    )
    assert index == read_index(index_content(index))
    assert index.objects() == {name: digest_of(content) for name, content in contents.items()}
    assert found == [row for part in index.parts for row in read_part(contents[part.name])]
    batches = [
        some[start : start + batch_rows]
        for some in cut(found, part_rows)
        for start in range(0, len(some), batch_rows)
    ]
    assert len(batches) == index.batches
    for moved in range(index.batches + 1):
        out = [row for batch in batches[:moved] for row in batch]
        for key in {row.key for row in found}:
            read = [
                row
                for first, part in parts_of_key(index, key)
                for row in rows_out(read_part(contents[part.name]), index, moved - first)
                if row.key == key
            ]
            assert [row for row in out if row.key == key] == read


def test_the_same_rows_have_the_same_name() -> None:
    """No clock is in a part."""
    row = StoredSlice(Counter("a", Period("2026-10-05"), Usage(1)), 0, {"w0": b"\x01\x07"})
    part, content = part_of(MONTH, [row])
    assert (part, content) == part_of(MONTH, [row])
    assert f"archive/2026-10/{part.sha256}.jsonl.gz" == part.name


DAY = Period("2026-10-05")
ONE, TWO, LATE = Usage(1, fingerprint=11), Usage(2, fingerprint=23), Usage(1, fingerprint=5)


@pytest.mark.parametrize(
    ("held", "lacks"),
    [
        (NO_USAGE, {0, 1}),
        (ONE, {1}),
        (TWO, {0}),
        (ONE + TWO, set()),
        (LATE, {0}),
        (TWO + LATE, {0}),
    ],
    ids=["nothing", "the first", "the second", "both", "a late call", "the second with a late call"],
)
def test_what_the_table_lacks_of_a_day(held: Usage, lacks: set[int]) -> None:
    """Where the table holds nothing but archived slices, it lacks the others, though the mark counts the
    first as out and the second as in; where it holds a call that came later, the mark says what it lacks.
    """
    slices = [StoredSlice(Counter("a", DAY, usage), number, {}) for number, usage in enumerate((ONE, TWO))]
    archived = [ArchivedSlice(row, is_out=row.number == 0) for row in slices]
    assert lacks == {row.number for row in not_in_table(held, archived)}


def test_many_slices_of_a_day() -> None:
    """Of a day with more slices than are compared, the mark says what the table lacks."""
    rows = [
        StoredSlice(Counter("a", DAY, Usage(1, fingerprint=2**n)), n, {}) for n in range(MOST_COMPARED + 1)
    ]
    archived = [ArchivedSlice(row, is_out=row.number > 0) for row in rows]
    assert rows[1:] == not_in_table(NO_USAGE, archived)


class Marks:
    """One month is partly archived."""

    def read(self, month: Period) -> ArchiveMark | None:
        """Its mark."""
        return ArchiveMark(MONTH, "index", "0", 2, 0) if month == MONTH else None


def test_archived() -> None:
    """A month that has a mark is archived, however little is out; without archives none is."""
    with pytest.raises(ArchivedMonthError, match="usage-meter archive 2026-10 --restore"):
        check_not_archived(Marks(), MONTH)
    check_not_archived(Marks(), Period("2026-09"))
    check_not_archived(None, MONTH)
