"""Log events on their way."""

import threading

from local_cloud.demo.flow import Flow, Freshness
from tests.factories import delivery, lines


class HandClock:
    """Seconds that the test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.seconds


def test_a_delivery_is_followed() -> None:
    """From the request that put it to the invocation that counted it."""
    clock = HandClock()
    flow = Flow(clock)
    flow.put_begins()
    clock.seconds += 0.25
    flow.deliver(delivery(lines(3)))
    assert (3, 0, 3) == (flow.delivered, flow.counted, flow.in_flight)

    clock.seconds += 1.25
    flow.settle([delivery(lines(3))])

    assert (3, 3, 0) == (flow.delivered, flow.counted, flow.in_flight)
    assert Freshness(p50=1500, p99=1500) == flow.freshness()


def test_copies_are_not_followed() -> None:
    """A delivery that faults put into the stream, or one that comes again, counts for nothing."""
    flow = Flow(HandClock())
    flow.deliver(delivery(lines(3)))
    flow.settle([delivery(lines(2)), delivery(lines(3))])
    flow.settle([delivery(lines(3))])

    assert (3, 3) == (flow.delivered, flow.counted)


def test_what_cannot_be_decoded_has_no_log_events() -> None:
    """It is not followed."""
    flow = Flow(HandClock())
    flow.deliver(b"no gzip")

    assert 0 == flow.delivered


def test_percentiles_weigh_log_events() -> None:
    """Not deliveries: 98 events took a second, two took nine."""
    clock = HandClock()
    flow = Flow(clock)
    flow.deliver(delivery(lines(98)))
    flow.deliver(delivery(lines(2)))
    clock.seconds += 1
    flow.settle([delivery(lines(98))])
    clock.seconds += 8
    flow.settle([delivery(lines(2))])

    assert Freshness(p50=1000, p99=9000) == flow.freshness()


def test_nothing_is_fresh_before_anything_is_counted() -> None:
    """And there is room for all."""
    flow = Flow(HandClock())

    assert Freshness(0, 0) == flow.freshness()
    assert flow.await_room(0, 0)


def test_room_comes_when_something_is_counted() -> None:
    """Whoever sends waits for it."""
    flow = Flow(HandClock())
    flow.deliver(delivery(lines(3)))
    assert not flow.await_room(2, 0)

    counting = threading.Timer(0.02, flow.settle, [[delivery(lines(3))]])
    counting.start()
    assert flow.await_room(2, 30)
    counting.join()
