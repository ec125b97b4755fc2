"""What was there before stages were connected, kept in a file, so that they can be disconnected exactly."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from adapters.source.stages import ApiKind, LogSetting
from cli.connect.plan import ConnectionStep
from metering.errors import Misconfigured


class ConnectedStage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stage before and after."""

    kind: ApiKind
    api_id: str
    stage: str
    before: LogSetting | None
    after: LogSetting

    @property
    def place(self) -> str:
        """The stage's name."""
        return f"{self.api_id}/{self.stage}"


class ConnectionRecord(msgspec.Struct, forbid_unknown_fields=True):
    """All that one stack's connecting has changed."""

    stack: str
    stages: list[ConnectedStage] = []
    subscribed: list[str] = []
    """Log groups that got a subscription filter."""

    @classmethod
    def read(cls, path: Path, stack: str) -> ConnectionRecord:
        """The record in a file; an empty one where there is none.

        Raises:
            Misconfigured: the file holds no record, or that of another stack.
        """
        if not path.exists():
            return cls(stack)
        try:
            found = msgspec.json.decode(path.read_bytes(), type=cls)
        except msgspec.DecodeError as error:
            raise Misconfigured([f"{path} holds no record of connected stages: {error}"]) from error
        if found.stack != stack:
            raise Misconfigured([f"{path} is the record of the stack {found.stack}, not of {stack}"])
        return found

    def write(self, path: Path) -> None:
        """Keep it. The file is replaced as a whole, so that an interruption leaves the old one or the new."""
        unfinished = path.with_name(f"{path.name}.unfinished")
        unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(self)))
        unfinished.replace(path)

    def add(self, steps: Iterable[ConnectionStep]) -> None:
        """Note what is about to be changed. What a stage had before it was first connected stays noted."""
        for step in steps:
            if step.subscribes and step.subscribes not in self.subscribed:
                self.subscribed.append(step.subscribes)
            if step.log is not None:
                self._note(step, step.log)

    def _note(self, step: ConnectionStep, after: LogSetting) -> None:
        stage = step.stage
        earlier = [one for one in self.stages if one.place == stage.place]
        before = earlier[0].before if earlier else stage.log
        self.stages = [one for one in self.stages if one.place != stage.place]
        self.stages.append(ConnectedStage(stage.kind, stage.api_id, stage.name, before, after))
