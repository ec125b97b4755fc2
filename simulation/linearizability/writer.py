"""A process that adds to a counter through the shipped adapter, and is there to be killed.

    python -m simulation.linearizability.writer ENDPOINT TABLE SHARD COUNT

A line goes out before each increment and one after it: what is missing after a kill had no answer.
"""

from __future__ import annotations

import json
import sys
import time

from adapters.dynamodb.counters import DynamoDBCounters
from simulation.linearizability.clients import add_calls, updates_at
from simulation.linearizability.objects import AddCalls


def main() -> None:
    """Add one call after the other."""
    endpoint, table, shard, count = sys.argv[1:]
    counters = DynamoDBCounters(table, updates_at(endpoint))
    for number in range(1, int(count) + 1):
        call = AddCalls(shard, number, number, 1)
        _say("began", call)
        _say("ended", add_calls(counters, call))


def _say(what: str, content: object) -> None:
    print(json.dumps([what, content, time.monotonic_ns()]), flush=True)


if __name__ == "__main__":
    main()
