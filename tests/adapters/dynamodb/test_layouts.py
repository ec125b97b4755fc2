"""The history of the ledger's layouts, on moto and on DynamoDB Local."""

from __future__ import annotations

import pytest

from adapters.dynamodb.hot_path.conditional_writes import AttributeValue
from adapters.dynamodb.layouts import DynamoDBLayouts, history_of
from metering.counters.ledger_layout import LayoutHistory, LedgerLayout
from metering.counters.ports import Status
from metering.errors import UnreadableItem
from tests.tables import create_tables

OLD, NEW = LedgerLayout(), LedgerLayout(slot_ms=1000, lanes=4)


@pytest.mark.parametrize("engine", ["moto", "dynamodb_local"])
def test_history(engine: str, request: pytest.FixtureRequest) -> None:
    """It begins with the first layout that anybody brings, and takes a change from who knows all of it."""
    tables = create_tables(request.getfixturevalue(engine))
    store = DynamoDBLayouts(tables.ledger, tables.updates(1))
    begun = LayoutHistory(((0, OLD),))
    assert [(Status.WRITTEN, begun)] * 2 == [store.begin(OLD), store.begin(NEW)]
    changed = LayoutHistory(((0, OLD), (86_400_000, NEW)))
    assert (Status.WRITTEN, changed) == store.append(begun, 86_400_000, NEW)
    assert (Status.REFUSED, changed) == store.append(begun, 90_000_000, OLD)
    assert (Status.WRITTEN, changed) == store.begin(OLD)
    (item,) = tables.items(tables.ledger)
    assert "expires_at" not in item


@pytest.mark.parametrize(
    "entries", [{"S": "junk"}, {"L": [{"M": {}}]}, {"L": [{"M": {"since": {"N": "x"}}}]}]
)
def test_unreadable(entries: AttributeValue) -> None:
    """Without it nobody knows where an event was claimed."""
    with pytest.raises(UnreadableItem, match="layouts"):
        history_of({"pk": {"S": "layouts"}, "entries": entries})
