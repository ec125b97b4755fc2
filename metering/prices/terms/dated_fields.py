"""Fields of a tariff file that say from when until when something holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import ValidationInfo, field_validator

from metering.period import Period, parse_month
from metering.prices.terms.validity import ALWAYS, Validity
from metering.strict_model import Broken, StrictModel, reading, refuse

MonthText = Annotated[Period, reading(parse_month)]


def ends_later(end: Period, info: ValidationInfo) -> Period:
    """A `valid_until`, which must be after the `valid_from` beside it."""
    start = info.data.get("valid_from", "")
    if end <= start:
        fault = f"valid_until {end} is not after valid_from {start}; valid_until is exclusive"
        refuse(Broken((), fault))
    return end


class Dated(StrictModel):
    """What holds from a month on, until before another."""

    valid_from: MonthText = ALWAYS
    valid_until: MonthText | None = None

    synonyms: ClassVar[Mapping[str, str]] = {"from": "valid_from", "until": "valid_until"}

    @field_validator("valid_until", mode="after")
    @classmethod
    def _ends_later(cls, end: Period, info: ValidationInfo) -> Period:
        return ends_later(end, info)

    def validity(self) -> Validity:
        """The same as a value."""
        return Validity(self.valid_from, self.valid_until)
