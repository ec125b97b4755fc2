"""Variables, read one by one; everything that is missing or wrong is reported at once, by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TypeVar

from metering.errors import Misconfigured

Value = TypeVar("Value")


class Environment:
    """Reads variables, the process's own unless given, and collects what is wrong with them."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables = os.environ if variables is None else variables
        self._faults: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        """The value of a variable; without a default it must be there."""
        value = self._variables.get(name, default)
        if not value:
            self._faults.append(f"{name} is not set")
            return ""
        return value

    def optional(self, name: str) -> str | None:
        """The value of a variable; None where it is absent or empty."""
        return self._variables.get(name) or None

    def number(self, name: str, default: int, lowest: int, highest: int) -> int:
        """An integer within bounds."""
        text = self._variables.get(name, str(default))
        try:
            value = int(text)
        except ValueError:
            self._faults.append(f"{name} is {text!r}, which is not an integer")
            return default
        if not lowest <= value <= highest:
            self._faults.append(f"{name} is {value}; it must be from {lowest} to {highest}")
        return value

    def parsed(self, name: str, default: str, parse: Callable[[str], Value]) -> Value:
        """A value that `parse` reads, raising ValueError for what it cannot take."""
        try:
            return parse(self._variables.get(name, default))
        except ValueError as error:
            self._faults.append(f"{name}: {error}")
            return parse(default)

    def fault(self, text: str) -> None:
        """Note what is wrong with several variables together."""
        self._faults.append(text)

    def check(self) -> None:
        """Raises Misconfigured with all that is wrong, if anything is."""
        if self._faults:
            raise Misconfigured(self._faults)


def one_of(*choices: str) -> Callable[[str], str]:
    """Takes one of the choices. What it gives raises ValueError for anything else."""

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"{text!r} is not one of {', '.join(choices)}")
        return text

    return parse


def https_address(text: str) -> str:
    """An address that begins with https://, or none, as written. Raises ValueError for anything else."""
    if text and not text.startswith("https://"):
        raise ValueError(f"{text!r} does not begin with https://")
    return text
