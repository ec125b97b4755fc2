"""A report read back from its JSON."""

from __future__ import annotations

import json

import msgspec

from metering.errors import Misconfigured
from reconciliation.model.report import TEXTS, Report


def read_report(content: bytes, place: str) -> Report:
    """The report that was written as this JSON: equal to it, so that all that follows from it is equal, too.

    Raises:
        Misconfigured: it is none, or one of another version.
    """
    try:
        return msgspec.convert(_with_numbers(json.loads(content)), Report)
    except (ValueError, msgspec.ValidationError) as error:
        raise Misconfigured([f"{place} is not a report of this version: {error}"]) from error


def _with_numbers(value: object) -> object:
    """The inverse of what the report does to its numbers beyond 2^53."""
    if isinstance(value, dict):
        return {
            name: int(inner) if name in TEXTS and inner is not None else _with_numbers(inner)
            for name, inner in value.items()
        }
    return [_with_numbers(inner) for inner in value] if isinstance(value, list) else value
