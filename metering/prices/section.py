"""Reading a loaded YAML mapping into typed values, collecting every fault with its place.

A getter that finds a fault notes it and returns a stand-in, so that reading goes on to the next fault. The
values may be used only when no fault was noted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from metering.prices.money import ZERO
from metering.prices.month import Month, month

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_MAX_DIGITS = 18
_WHOLE_LIMIT = 10**18
_MISSING = object()


class Section:
    """One mapping of the file. `place` says where it stands, as a reader would say it."""

    def __init__(self, value: object, place: str, faults: list[str]) -> None:
        self.place = place
        self._faults = faults
        self._known: set[str] = set()
        self._values: Mapping[object, object] = value if isinstance(value, Mapping) else {}
        if not isinstance(value, Mapping):
            self.fault(f"must be a mapping, not {_shown(value)}")

    def fault(self, sentence: str) -> None:
        """Notes a fault at this place."""
        self._faults.append(f"{self.place}: {sentence}" if self.place else sentence)

    @property
    def fault_count(self) -> int:
        """How many faults the whole file has so far."""
        return len(self._faults)

    def has(self, name: str) -> bool:
        """Whether a field is there and not null."""
        self._known.add(name)
        return self._values.get(name) is not None

    def text(self, name: str, default: str | None = None) -> str:
        """A text that is not empty. Required, unless there is a default."""
        value = self._take(name, default)
        if isinstance(value, str) and value.strip():
            return value
        return self._wrong(name, value, f'must be a text; write it in quotes: "{value}"', "")

    def whole(self, name: str, at_least: int, default: int | None = None) -> int:
        """An integer from `at_least` to 10^18. Required, unless there is a default."""
        value = self._take(name, default)
        if isinstance(value, int) and not isinstance(value, bool) and at_least <= value <= _WHOLE_LIMIT:
            return value
        return self._wrong(name, value, f"must be a whole number from {at_least} to {_WHOLE_LIMIT}", at_least)

    def amount(self, name: str, default: Decimal | None = None) -> Decimal:
        """An amount of money that is not negative: a quoted decimal, or an integer. Never a float. Required,
        unless there is a default.
        """
        value = self._take(name, default)
        return value if isinstance(value, Decimal) else self._decimal(name, value)

    def optional_amount(self, name: str) -> Decimal | None:
        """The same, or None where the field is absent."""
        return self.amount(name) if self.has(name) else None

    def choice(self, name: str, kind: type[E], stand_in: E) -> E:
        """One of the names of an enumeration. Required."""
        value = self._take(name, None)
        if isinstance(value, str) and value in set(kind):
            return kind(value)
        return self._wrong(name, value, f"is not one of {', '.join(kind)}", stand_in)

    def named(self, name: str, read: Callable[[str], T], default: T) -> T:
        """A text that `read` understands; what its ValueError says is the fault."""
        if not self.has(name):
            return default
        text = self.text(name)
        try:
            return read(text) if text else default
        except ValueError as unknown:
            self.fault(f"{name}: {unknown}")
            return default

    def month(self, name: str, default: Month | None = None) -> Month:
        """A month. Required, unless there is a default."""
        value = self._take(name, default)
        if value is _MISSING:
            return Month("")
        try:
            return month(value)
        except ValueError as not_a_month:
            self.fault(f"{name}: {not_a_month}")
            return Month("")

    def is_text(self, name: str) -> bool:
        """Whether a field is a text, for those that may also be a list."""
        return self.has(name) and isinstance(self._values[name], str)

    def sequence(self, name: str) -> Sequence[object]:
        """A list that is not empty. Required."""
        value = self._take(name, None)
        if isinstance(value, Sequence) and not isinstance(value, str | bytes) and value:
            return value
        return self._wrong(name, value, "must be a list with at least one entry", ())

    def mapping(self, name: str, place: str) -> Section:
        """A mapping. Required."""
        value = self._take(name, None)
        return Section({} if value is _MISSING else value, place, self._faults)

    def entries(self, name: str) -> list[tuple[str, object]]:
        """The entries of an optional mapping, whose keys must be texts."""
        section = Section(self._take(name, {}), _joined(self.place, name), self._faults)
        for key in section._values:
            if not isinstance(key, str):
                section.fault(f'{key!r} must be a text; write it in quotes: "{key}"')
        return [(key, value) for key, value in section._values.items() if isinstance(key, str)]

    def within(self, value: object, place: str) -> Section:
        """A section for a value at a place of its own."""
        return Section(value, place, self._faults)

    def close(self) -> None:
        """Notes every field that nobody asked for: a misspelt `minimun` must not be silently free."""
        for name in self._values:
            if name not in self._known:
                self.fault(f"{name!r} is unknown here; known are {', '.join(sorted(self._known))}")

    def _take(self, name: str, default: object) -> object:
        if self.has(name):
            return self._values[name]
        if default is None:
            self.fault(f"{name} is missing")
            return _MISSING
        return default

    def _wrong(self, name: str, value: object, rule: str, stand_in: T) -> T:
        if value is not _MISSING:
            self.fault(f"{name} {_shown(value)} {rule}")
        return stand_in

    def _decimal(self, name: str, value: object) -> Decimal:
        if isinstance(value, float):
            return self._wrong(
                name, value, "is a float, which cannot hold every price; write it in quotes", ZERO
            )
        text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        if not _DECIMAL.fullmatch(text):
            return self._wrong(name, value, 'must be a decimal number in quotes, like "0.0025"', ZERO)
        if text.startswith("-"):
            return self._wrong(name, value, "is negative", ZERO)
        if any(len(part) > _MAX_DIGITS for part in text.lstrip("+").split(".")):
            return self._wrong(
                name, value, f"has more than {_MAX_DIGITS} digits before or after the point", ZERO
            )
        return Decimal(text)


def _joined(place: str, name: str) -> str:
    return f"{place}, {name}" if place else name


def _shown(value: object) -> str:
    return "null" if value is None else repr(value)[:80]
