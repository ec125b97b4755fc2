"""What the watch knows of the source, in the counters table."""

from __future__ import annotations

from adapters.dynamodb.source import SourceBook
from metering.source.gap import Gap, Way
from metering.source.leg import Leg
from metering.source.settings import Stage
from metering.source.state import Known, SourceState
from metering.source.usual import Usual
from tests.tables import create_tables


def test_round_trip(dynamodb_local: str) -> None:
    """All of it comes back; of two looks at once the second to write is refused."""
    tables = create_tables(dynamodb_local)
    book = SourceBook(tables.dynamodb, tables.counters)
    assert SourceState() == book.load()
    state = SourceState(
        version=1,
        checked=29_000_000,
        counted=28_999_990,
        faults=("no filter",),
        stages=(Known(Stage("a", "prod", is_rest=True, name="n", log_group="log"), 29_000_000),),
        legs=(Leg(Way.LOGGED, "log", 28_999_000, Usual(20_000, (1, 2)), Usual(20_000, (3,))),),
        gaps=(Gap(Way.FORWARDED, "log", 28_999_000, 28_999_060, 7),),
    )
    assert book.save(state)
    assert not book.save(state)
    assert state == book.load()
