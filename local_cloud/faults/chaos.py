"""Seeded faults for the demo, every one of which a correct meter survives: nothing that is injected may
change a count.
"""

import random
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.hooks import BaseEventHooks

from local_cloud.faults.delivery_faults import DeliveryFaults
from local_cloud.faults.lake_faults import LakeFaults
from local_cloud.faults.write_faults import WriteFaults
from local_cloud.firehose.delivery_stream import DeliveryStream
from local_cloud.lambda_.function import Handler
from local_cloud.stack import LocalCloud

_KINDS = ("failed_batch", "lost_batch_answer", "repeated_batch", "shorter_cut", "earlier_cut")
_DISTURBED_SHARE = 0.3
_REMEMBERED_RECORDS = 20

Event = dict[str, Any]
Record = Mapping[str, Any]


class InjectedFailureError(Exception):
    """An invocation fails because chaos says so."""


class Chaos:
    """Faults drawn from one seed: in the stream, around the function, in its writes, and before the lake.

    Faults are drawn per invocation and per delivery, so that two runs of a seed differ as far as threads make
    them differ.
    """

    def __init__(self, seed: int) -> None:
        self._injected: Counter[str] = Counter()
        self._seed = seed
        self._random = random.Random(f"{seed} invocations")
        self._writes = WriteFaults(random.Random(f"{seed} writes"), self._injected)
        self._deliveries: list[DeliveryFaults] = []
        self._processed: dict[str, deque[Record]] = {}

    def disturb_deliveries(self, cloud: LocalCloud) -> None:
        """Put duplicates into the cloud's stream from now on, and change its shards."""
        faults = DeliveryFaults(cloud.stream, random.Random(f"{self._seed} deliveries"), self._injected)
        cloud.deliveries.listeners.append(faults.on_delivery)
        self._deliveries.append(faults)

    def disturb_writes(self, events: BaseEventHooks) -> None:
        """Disturb the DynamoDB writes of a session's future clients, or of a client, during invocations."""
        self._writes.attach(events)

    def disturb_lake(self, delivery_stream: DeliveryStream) -> None:
        """Disturb the transform, the writes and the life of a delivery stream; do so before it starts."""
        delivery_stream.interference = LakeFaults(random.Random(f"{self._seed} lake"), self._injected)

    def disturb(self, handler: Handler) -> Handler:
        """The handler of a Kinesis event source mapping as it runs under faults."""

        def disturbed(event: Event, context: object) -> object:
            def invoke(records: Sequence[Record]) -> Any:
                self._writes.begin_invocation()
                try:
                    return handler({**event, "Records": list(records)}, context)
                finally:
                    self._writes.end_invocation()

            answer = self._invoke(invoke, event["Records"])
            self._remember(event["Records"], answer)
            return answer

        return disturbed

    def finish(self) -> None:
        """Put the duplicates that are still to come. Call it when the log is played, before draining."""
        for faults in self._deliveries:
            faults.finish()

    @property
    def injected(self) -> dict[str, int]:
        """How many faults of each kind have been injected so far."""
        return dict(sorted(self._injected.items()))

    def _invoke(self, invoke: Any, records: Sequence[Record]) -> Any:
        if self._random.random() >= _DISTURBED_SHARE:
            return invoke(records)
        kind = self._random.choice(_KINDS)
        self._injected[kind] += 1
        match kind:
            case "failed_batch":
                raise InjectedFailureError("the function was not reached")
            case "lost_batch_answer":
                invoke(records)
                raise InjectedFailureError("the function's answer was lost")
            case "repeated_batch":
                invoke(records)
                return invoke(records)
            case "shorter_cut":
                invoke(records[: self._random.randint(1, len(records))])
                return invoke(records)
            case _:
                return _only_of(records, invoke([*self._earlier(records), *records]))

    def _earlier(self, records: Sequence[Record]) -> list[Record]:
        """Some of the shard's last processed records, as a poller sees them that resumes from an old
        checkpoint.
        """
        processed = list(self._processed.get(_shard_id(records), ()))
        return processed[self._random.randint(0, len(processed)) :]

    def _remember(self, records: Sequence[Record], answer: Any) -> None:
        failed = {item["itemIdentifier"] for item in (answer or {}).get("batchItemFailures", [])}
        remembered = self._processed.setdefault(_shard_id(records), deque(maxlen=_REMEMBERED_RECORDS))
        for record in records:
            if record["kinesis"]["sequenceNumber"] in failed:
                break
            remembered.append(record)


def _only_of(records: Sequence[Record], answer: Any) -> Any:
    """The answer for a batch that was invoked with earlier records before it: a failure among those fails it
    whole.
    """
    failures = (answer or {}).get("batchItemFailures", [])
    numbers = [record["kinesis"]["sequenceNumber"] for record in records]
    if any(item["itemIdentifier"] not in numbers for item in failures):
        return {"batchItemFailures": [{"itemIdentifier": numbers[0]}]}
    return answer


def _shard_id(records: Sequence[Record]) -> str:
    return str(records[0]["eventID"]).partition(":")[0]
