"""The fields of a tariff file that say what is on an invoice besides amounts, and which meters it adds up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Final

from pydantic import AfterValidator, Field, ValidationInfo

from metering.prices.terms.dated_fields import Dated
from metering.prices.terms.invoice_terms import InvoiceTerms
from metering.prices.terms.meters import FurtherMeter
from metering.prices.terms.numbers import NumberSeries
from metering.prices.terms.parties import Party
from metering.prices.terms.tax import Tax
from metering.strict_model import Broken, Filled, Money, StrictModel, Text, reading, wrong

_SERIES: Final = re.compile(r"(?:[A-Za-z0-9_./ -]|\{year\})*(?:[A-Za-z_./ -]|\{year\}[-_./ ])", re.ASCII)
_ROLE: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+", re.ASCII)
_MOST_PERCENT: Final = 100
_LONGEST_SERIES: Final = 40


class PartyFields(StrictModel):
    """The seller or a customer."""

    name: Text
    address: Annotated[list[Text], Filled] = Field(default_factory=list)
    tax_id: Text | None = None

    def party(self) -> Party:
        """The same as a value."""
        return Party(self.name, tuple(self.address), self.tax_id)


def _series(text: str) -> str:
    if not _SERIES.fullmatch(text) or len(text) > _LONGEST_SERIES:
        raise ValueError(
            f"{text!r} cannot begin numbers: it has letters, digits, - / . _ and {{year}}, and ends without "
            "a digit, like INV-{year}-"
        )
    return text


SeriesText = Annotated[str, reading(_series)]


class NumbersFields(StrictModel):
    """How numbers begin."""

    invoices: SeriesText
    credit_notes: SeriesText

    @classmethod
    def rules(cls, value: Mapping[str, object], info: ValidationInfo) -> Iterable[Broken]:  # noqa: ARG003
        if "invoices" in value and value["invoices"] == value.get("credit_notes"):
            yield Broken((), "invoices and credit notes have each a series of their own")


def _percent(percent: Decimal) -> Decimal:
    if percent > _MOST_PERCENT:
        wrong(str(percent), f"is above {_MOST_PERCENT}")
    return percent


class TaxFields(Dated):
    """A tax, by the month of the calls."""

    name: Text
    percent: Annotated[Money, AfterValidator(_percent)]

    def one(self) -> Tax:
        """The same as a value."""
        return Tax(self.name, self.percent, self.validity())


class InvoiceTermsFields(StrictModel):
    """What is on each invoice."""

    seller: PartyFields | None = None
    numbers: NumbersFields | None = None
    tax: list[TaxFields] = Field(default_factory=list)
    payment: Text | None = None
    at_zero: bool = True


def _role(text: str) -> str:
    if not _ROLE.fullmatch(text):
        raise ValueError(f"{text!r} is not the ARN of a role, like arn:aws:iam::123456789012:role/invoices")
    return text


class MeterFields(Dated):
    """A further stack whose usage is added."""

    stack: Text
    region: Text | None = None
    role: Annotated[str, reading(_role)] | None = None


def invoice_terms(fields: InvoiceTermsFields) -> InvoiceTerms:
    """The same as a value."""
    seller, numbers = fields.seller, fields.numbers
    return InvoiceTerms(
        None if seller is None else seller.party(),
        None if numbers is None else NumberSeries(numbers.invoices, numbers.credit_notes),
        tuple(one.one() for one in fields.tax),
        fields.payment,
        fields.at_zero,
    )


def further_meters(fields: Mapping[str, MeterFields]) -> tuple[FurtherMeter, ...]:
    """The same as values, in the order of the file."""
    return tuple(
        FurtherMeter(name, one.stack, one.region, one.role, one.validity()) for name, one in fields.items()
    )
