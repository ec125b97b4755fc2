"""How the accidents of a month end happen."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterable
from typing import Any, NamedTuple

from metering.calls.event_id import event_hash
from metering.calls.lake_row import LakeRow
from metering.counters.completeness import Knowledge
from simulation.month_end.faults import SHARES, Accident
from simulation.month_end.lake import StoredRow
from simulation.month_end.oracle import MonthEndOracle
from simulation.month_end.scene import Scene
from simulation.protocol.settings import HOUR_MS


class Backup(NamedTuple):
    """The counters table as it was, and where the mapping stood."""

    counters: Any
    progress: Any
    known: Knowledge
    audits: Any
    positions: dict[str, int]
    at: int


class Accidents:
    """Strike the tables, the mapping and the lake of a scene."""

    def __init__(self, scene: Scene, oracle: MonthEndOracle) -> None:
        self._scene = scene
        self._oracle = oracle
        self._backup: Backup | None = None

    def strike(self) -> None:
        scene = self._scene
        accident = scene.dice.choice(list(SHARES))
        if accident is Accident.GIVEN_UP or accident not in scene.accidents:
            return
        {
            Accident.REPLAYED: self._replay,
            Accident.RESTORED: self.restore,
            Accident.OBJECT_LOST: self._lose_object,
            Accident.OBJECT_LATE: self._delay_object,
            Accident.ROW_ALTERED: self._alter_row,
            Accident.ROW_FOREIGN: self._put_foreign_row,
        }[accident]()

    def _replay(self) -> None:
        """A mapping begins at an old place: what is right stays right."""
        scene = self._scene
        scene.catch_up()
        right = self._oracle.right()
        shard_id = scene.dice.choice(list(scene.positions))
        scene.positions[shard_id] = scene.dice.randint(0, scene.positions[shard_id])
        scene.hit(Accident.REPLAYED)
        self._backup = None  # it would take back what the replay has brought
        scene.catch_up()
        self._oracle.still_right(right, "a replay", besides=scene.partly)

    def replay_all(self) -> None:
        """A mapping that was made anew reads the whole stream again, and with it what was given up."""
        scene = self._scene
        scene.catch_up()
        right = self._oracle.right()
        scene.positions = dict.fromkeys(scene.positions, 0)
        scene.catch_up()
        self._oracle.still_right(right, "the stream was read again", besides=scene.partly)

    def restore(self) -> None:
        """The counters table goes back in time, and the mapping with it; the ledger stays."""
        scene = self._scene
        if self._backup is None or scene.dice.random() < 0.3:
            self._backup = self.kept()
            scene.trace("a backup of the counters")
            return
        scene.catch_up()
        right = self._oracle.right()
        backup = self.taken_back(self._backup)
        scene.positions = {**scene.positions, **backup.positions}
        scene.hit(Accident.RESTORED)
        scene.catch_up()
        self._oracle.still_right(right, "a restore", besides=scene.repaired)

    def kept(self) -> Backup:
        """A backup of the counters' table."""
        scene, store = self._scene, self._scene.store
        kept = (store.counters.items, store.progress.items, store.completeness.known, scene.counters.audits)
        return Backup(*copy.deepcopy(kept), dict(scene.positions), scene.now)

    def taken_back(self, kept: Backup) -> Backup:
        """The table is as it was; a copy of the backup, so that it can be taken back again."""
        backup = copy.deepcopy(kept)
        self._scene.store.counters.items = backup.counters
        self._scene.store.progress.items = backup.progress
        self._scene.store.completeness.known = backup.known
        self._scene.counters.audits = backup.audits
        return backup

    def _fit(self, rows: Iterable[StoredRow]) -> bool:
        """Whether the counters have these calls, so that somebody can know of them."""
        return not {one.row.eventhash for one in rows} & self._scene.given_up

    def _lose_object(self) -> None:
        scene = self._scene
        fitting = [name for name, rows in sorted(scene.lake.objects.items()) if self._fit(rows)]
        if fitting:
            name = scene.dice.choice(fitting)
            rows = scene.lake.objects.pop(name)
            scene.saved.setdefault(name, rows)
            scene.out_of_lake |= {one.row.eventhash for one in rows}
            scene.hit(Accident.OBJECT_LOST)

    def _delay_object(self) -> None:
        """An object is listed late: as after a redrive, or a copy of another bucket."""
        scene = self._scene
        fitting = [name for name, rows in sorted(scene.lake.objects.items()) if self._fit(rows)]
        if fitting:
            name = scene.dice.choice(fitting)
            rows = scene.lake.objects.pop(name)
            scene.out_of_lake |= {one.row.eventhash for one in rows}
            scene.late[name] = (scene.now + scene.dice.choice((HOUR_MS, 12 * HOUR_MS)), rows)
            scene.hit(Accident.OBJECT_LATE)

    def bring_late_objects(self) -> None:
        scene = self._scene
        for name in [name for name, (at, _) in scene.late.items() if at <= scene.now]:
            scene.lake.objects[name] = scene.late.pop(name)[1]

    def _alter_row(self) -> None:
        scene = self._scene
        fitting = [name for name, rows in sorted(scene.lake.objects.items()) if self._fit(rows)]
        if not fitting:
            return
        name = scene.dice.choice(fitting)
        rows = scene.lake.objects[name]
        scene.saved.setdefault(name, rows)
        place = scene.dice.randrange(len(rows))
        scene.out_of_lake.add(rows[place].row.eventhash)
        event = scene.called.events.get(rows[place].row.eventid)
        if event is not None and not scene.has_log and not scene.store.holds(event.sent):
            scene.unknowable.add(event.hash)
        altered = [*rows]
        altered[place] = rows[place]._replace(row=_altered(scene.dice, rows[place].row))
        scene.lake.objects[name] = altered
        scene.hit(Accident.ROW_ALTERED)

    def _put_foreign_row(self) -> None:
        """A row of a call that nobody made."""
        scene = self._scene
        if not scene.lake.objects or not scene.has_log:
            return  # without the log nobody can tell it from a call that was not counted
        name = scene.dice.choice(sorted(scene.lake.objects))
        rows = scene.lake.objects[name]
        scene.saved.setdefault(name, rows)
        own_id = f"foreign-{scene.dice.getrandbits(40):x}"
        row = copy.copy(rows[0].row)
        row.eventid, row.eventhash = own_id, event_hash(own_id)
        scene.lake.objects[name] = [*rows, rows[0]._replace(row=row, number=len(rows))]
        scene.hit(Accident.ROW_FOREIGN)


def _altered(dice: random.Random, row: LakeRow) -> LakeRow:
    """A row that somebody has changed, so that other calls or amounts would be billed."""
    changed = copy.copy(row)
    match dice.randrange(5):
        case 0:
            changed.apikeyid = "another" if row.apikeyid != "another" else "key-0"
        case 1:
            changed.billable = not row.billable
        case 2:
            changed.responsesize = (row.responsesize or 0) + 1000
        case 3:
            changed.eventid = f"{row.eventid}x"
        case _:
            changed.eventhash = row.eventhash ^ 1
    return changed
