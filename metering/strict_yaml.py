"""YAML that decides money or limits, read strictly: nothing is changed on the way, and nothing grows.

YAML 1.1 takes `0.10` for a float, `010` for eight, `1:30` for ninety, `no` for false, the second of two equal
keys for the only one, and lets an alias of ten lines stand for a billion values. Here

- a plain decimal integer is a number, `true` and `false` are truths, `null`, `~` and nothing are null; every
  other value is text as it was written, which its reader takes as an exact decimal, a month or a name;
- a key that comes twice, a key that is no text, an anchor, an alias, a tag, a nesting deeper than any file of
  ours needs, a number of more digits than any field takes, and a second document are faults;
- every value keeps the line and column at which it was written.

    UnreadableYaml   a text that is no YAML; `fault` says at which line and column
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import yaml

from metering.strict_document import Document, Fault, Path, Place

MAX_DEPTH: Final = 20
MAX_DIGITS: Final = 40
"""More than any number of a tariff or a plan has, and too few to take long."""

_PARSER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's, twenty times as fast, wherever PyYAML was built with it. Only its events are used."""
_NULL: Final = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTHS: Final = MappingProxyType({"true": True, "false": False})
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)", re.ASCII)


class UnreadableYaml(ValueError):
    """A text that is no YAML. `fault` is the whole sentence."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


def load_yaml(text: str) -> Document:
    """The document of a text, with every fault that makes it unfit.

    Raises:
        UnreadableYaml: it is no YAML, is nested too deep, or holds more than one document.
    """
    reading = _Reading()
    events: Iterable[yaml.Event] = yaml.parse(text, Loader=_PARSER)
    try:
        for event in events:
            reading.take(event)
    except yaml.MarkedYAMLError as error:
        where = f"{_place(error.problem_mark)}: " if error.problem_mark else ""
        raise UnreadableYaml(f"{where}no YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise UnreadableYaml(f"no YAML: {' '.join(str(error).split())}") from error
    return Document(reading.root, tuple(sorted(reading.faults)), reading.keys, reading.values)


def _place(mark: Any) -> Place:
    """`mark` is one of PyYAML's, or of libyaml's."""
    return Place(mark.line + 1, mark.column + 1)


@dataclass(slots=True)
class _Open:
    """A list or a mapping whose end has not come yet."""

    value: dict[str, object] | list[object]
    path: Path
    key: str | None = None
    """Of the entry whose value comes next; None where a key comes next, and in lists."""
    is_dropped: bool = False
    """Whether that value is left out, as its key was there before."""

    @property
    def awaits_key(self) -> bool:
        return self.key is None and isinstance(self.value, dict)


@dataclass(slots=True)
class _Reading:
    """Builds the document out of the parser's events, without recursion."""

    root: object = None
    faults: list[Fault] = field(default_factory=list)
    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)
    open: list[_Open] = field(default_factory=list)
    documents: int = 0

    def take(self, event: yaml.Event) -> None:
        """The next event."""
        match event:
            case yaml.ScalarEvent():
                self._check_node(event)
                self._scalar(event)
            case yaml.CollectionStartEvent():
                self._check_node(event)
                self._begin(event)
            case yaml.CollectionEndEvent():
                self.open.pop()
            case yaml.AliasEvent():
                self._fault(event, f"the alias *{event.anchor} is not taken; write the value out")
                self._key(event, f"*{event.anchor}") if self._awaits_key() else self._add(event, None)
            case yaml.DocumentStartEvent():
                self._begin_document(event)
            case _:
                pass

    def _awaits_key(self) -> bool:
        return bool(self.open) and self.open[-1].awaits_key

    def _begin_document(self, event: yaml.Event) -> None:
        self.documents += 1
        if self.documents > 1:
            raise UnreadableYaml(f"{_place(event.start_mark)}: a second document begins; keep one in a file")

    def _fault(self, event: yaml.Event, sentence: str) -> None:
        self.faults.append(Fault(_place(event.start_mark), sentence))

    def _check_node(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.anchor is not None:
            self._fault(
                event, f"the anchor &{event.anchor} is not taken; write the value out where it is used"
            )
        if event.tag not in (None, "!"):
            self._fault(event, f"the tag {event.tag} is not taken; a value is read as its field needs it")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        value = self._value(event)
        if not self._awaits_key():
            self._add(event, value)
            return
        if not isinstance(value, str):
            self._fault(event, f'{event.value} must be a text; write it in quotes: "{event.value}"')
        if value == "<<" and not event.style:
            self._fault(event, "<< is not taken; write the fields out")
        self._key(event, event.value)

    def _value(self, event: yaml.ScalarEvent) -> object:
        text: str = event.value
        if event.style or not event.implicit[0]:
            return text
        if text in _NULL:
            return None
        if text in _TRUTHS:
            return _TRUTHS[text]
        if not _INTEGER.fullmatch(text):
            return text
        if len(text) <= MAX_DIGITS:
            return int(text)
        self._fault(event, f"a number of {len(text):,} digits; no field takes more than {MAX_DIGITS}")
        return 0

    def _key(self, event: yaml.Event, key: str) -> None:
        holder, place = self.open[-1], _place(event.start_mark)
        first = self.keys.setdefault((*holder.path, key), place)
        holder.key, holder.is_dropped = key, first is not place
        if holder.is_dropped:
            self._fault(event, f"{key!r} is there already, in line {first.line}; keep one of them")

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        place = _place(event.start_mark)
        if len(self.open) == MAX_DEPTH:
            raise UnreadableYaml(f"{place}: nested deeper than {MAX_DEPTH} levels, which no field needs")
        if self._awaits_key():
            raise UnreadableYaml(f"{place}: a list or a mapping cannot be a key; a key is a text")
        value: dict[str, object] | list[object] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self.open.append(_Open(value, self._add(event, value)))

    def _add(self, event: yaml.Event, value: object) -> Path:
        """Put a value where it belongs; its path."""
        path = self._put(self.open[-1], value) if self.open else ()
        if not self.open:
            self.root = value
        self.values[path] = _place(event.start_mark)
        return path

    def _put(self, holder: _Open, value: object) -> Path:
        if isinstance(holder.value, list):
            holder.value.append(value)
            return (*holder.path, len(holder.value) - 1)
        key, holder.key = holder.key or "", None
        if holder.is_dropped:
            return (*holder.path, key, len(self.values))
        holder.value[key] = value
        return (*holder.path, key)
