"""Small worlds: every way of sharing events, each once, and the truth by the events alone."""

from __future__ import annotations

from simulation.exploration.small_world import SmallShard, SmallWorld, patterns, times_counted


def test_patterns_of_two_records() -> None:
    """Two shards with a record each hold one event twice, or two events."""
    assert [(((0,),), ((0,),)), (((0,),), ((1,),))] == list(patterns(1, 1))


def test_number_of_patterns() -> None:
    """The partitions of a set (Bell's numbers: 5, 15, 203), of which two that differ by the order of alike
    shards are one.
    """
    assert 5 == len(list(patterns(3)))
    assert 11 == len(list(patterns(2, 2)))
    assert 15 == len(list(patterns(3, 1)))
    assert 117 == len(list(patterns(3, 3)))


def test_truth() -> None:
    """An event counts once, however many records hold it, and can be read off a counter."""
    world = SmallWorld((SmallShard(0, ((0,), (1,))), SmallShard(1, ((0,),))))
    assert 2 == world.truth("shop").requests
    assert [1, 1, 0] == [times_counted(world.truth("shop"), event) for event in range(3)]


def test_children_come_later() -> None:
    """The sequence numbers of a child are above those of its parents, which may be empty."""
    world = SmallWorld((SmallShard(0, ((0,),)), SmallShard(1, ()), SmallShard(2, ((1,),), (0, 1))))
    assert [[1], [], [2]] == [[record.sequence_number for record in records] for records in world.stream()]
