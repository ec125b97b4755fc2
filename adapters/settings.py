"""The environment of each function as one typed value: the only reader of `os.environ`.

Everything that is missing or wrong is reported at once, by name, before any work.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self, TypeVar

from metering.billing_rule import BillingRule
from metering.errors import Misconfigured

Value = TypeVar("Value")

_NOT_BILLABLE = "429,5xx"


class Environment:
    """Reads variables, and collects what is wrong with them."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._faults: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        """The value of a variable; without a default it must be there."""
        value = self._variables.get(name, default)
        if not value:
            self._faults.append(f"{name} is not set")
            return ""
        return value

    def number(self, name: str, default: int, lowest: int, highest: int) -> int:
        """An integer within bounds."""
        text = self._variables.get(name, str(default))
        try:
            value = int(text)
        except ValueError:
            self._faults.append(f"{name} is {text!r}, no integer")
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

    def check(self) -> None:
        """Raises Misconfigured with all that is wrong, if anything is."""
        if self._faults:
            raise Misconfigured(self._faults)


@dataclass(frozen=True, slots=True)
class StreamProcessorSettings:
    """What the template sets for the stream processor."""

    counters_table: str
    ledger_table: str
    ledger_lanes: int
    ledger_slot_seconds: int
    ledger_ttl_seconds: int
    write_concurrency: int
    rule: BillingRule

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] | None = None) -> Self:
        """Read and check the variables (the process's own unless given).

        Raises:
            Misconfigured: with every fault.
        """
        environment = Environment(os.environ if variables is None else variables)
        settings = cls(
            counters_table=environment.text("COUNTERS_TABLE"),
            ledger_table=environment.text("LEDGER_TABLE"),
            ledger_lanes=environment.number("LEDGER_LANES", 1, 1, 1024),
            ledger_slot_seconds=environment.number("LEDGER_SLOT_SECONDS", 5, 1, 86_400),
            ledger_ttl_seconds=environment.number("LEDGER_TTL_SECONDS", 691_200, 86_400, 40_000_000),
            write_concurrency=environment.number("WRITE_CONCURRENCY", 8, 1, 64),
            rule=environment.parsed("NOT_BILLABLE", _NOT_BILLABLE, BillingRule),
        )
        environment.check()
        return settings


@dataclass(frozen=True, slots=True)
class FirehoseTransformSettings:
    """What the template sets for the transform of the lake."""

    rule: BillingRule

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] | None = None) -> Self:
        """Read and check the variables (the process's own unless given).

        Raises:
            Misconfigured: with every fault.
        """
        environment = Environment(os.environ if variables is None else variables)
        settings = cls(rule=environment.parsed("NOT_BILLABLE", _NOT_BILLABLE, BillingRule))
        environment.check()
        return settings


def external_dynamodb(variables: Mapping[str, str] | None = None) -> str | None:
    """The address of a DynamoDB that the local cloud should use in place of its own, if one is named."""
    return (os.environ if variables is None else variables).get("AWS_ENDPOINT_URL_DYNAMODB") or None


def inherited(names: tuple[str, ...] = ("PATH", "HOME", "LANG")) -> dict[str, str]:
    """Variables that a child process needs from this one, and nothing else of its environment."""
    return {name: os.environ[name] for name in names if name in os.environ}
