"""The form of an invoice in JSON. Money and fingerprints are texts, since many readers of JSON keep numbers
as floats.
"""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

FORMAT: Final = "usage-meter/invoice/1"

DOCUMENT_NAME: Final = "invoice.json"
SPREADSHEET_NAME: Final = "invoice.csv"
PAGE_NAME: Final = "invoice.html"
"""The files of an invoice, in the folder of its account."""


ADJUSTMENTS: Final = "adjustment:"
"""How the place of a document begins that holds adjustments only, in a currency and of an account:
`adjustment:EUR:acme`.
"""
UNBILLED: Final = "unbilled:"
"""The place of the list of keys that nobody was billed for in a month."""
UNBILLED_FORMAT: Final = "usage-meter/unbilled/1"


class UnbilledDocument(TypedDict):
    """The keys whose calls were on no invoice when a month was invoiced, by the month of the calls: this
    one, or an earlier one for late calls. That nobody was billed for them is decided then.
    """

    format: Literal["usage-meter/unbilled/1"]
    keys: dict[str, list[str]]
    month: str


class PeriodDocument(TypedDict):
    """A month; `end` is exclusive."""

    month: str
    start: str
    end: str


class VersionDocument(TypedDict):
    """The price version that was applied; `digest` hashes all that decides an amount."""

    plan: str
    version: str
    digest: str


class TierDocument(TypedDict):
    """amount = quantity x unit_price / per + flat_fee, exactly."""

    tier: int
    quantity: int
    unit_price: str
    per: int
    flat_fee: str
    amount: str


class RatingDocument(TypedDict):
    """How a quantity became an amount. `subtotal` is exact; `bound` is what replaced it, if anything did.
    `unknown_sizes` is there where it is not 0: the calls that a quantity of bytes has as 0 bytes, since their
    size is not known.
    """

    metric: str
    model: str
    quantity: int
    free: int
    charged: int
    package_size: int
    tiers: list[TierDocument]
    subtotal: str
    bound: str | None
    bound_amount: str | None
    unknown_sizes: NotRequired[int]


class CommitmentDocument(TypedDict):
    """A minimum or maximum of the plan, over all lines: the line's amount is what it adds to them."""

    kind: str
    bound: str


class LineDocument(TypedDict):
    """One amount of the invoice, with all that is needed to derive it again.

    It has a rating or a commitment; an adjustment has neither when the line is gone.
    """

    line: str
    month: str
    price_version: VersionDocument
    fingerprint: str
    query: str
    rating: RatingDocument | None
    commitment: CommitmentDocument | None
    amount: str


class AdjustmentDocument(LineDocument):
    """A line of an earlier month priced again: amount = repriced - billed."""

    quantity_billed: int
    billed: str
    repriced: str


class KeyDocument(TypedDict):
    """What one key used in the invoice's month."""

    key: str
    quantities: dict[str, int]
    fingerprint: str


class RoundingDocument(TypedDict):
    """How each line was rounded, once."""

    digits: int
    mode: str


class PartyDocument(TypedDict):
    """The seller or the customer, as given."""

    name: str
    address: list[str]
    tax_id: NotRequired[str]


class TaxDocument(TypedDict):
    """A tax: amount = base x percent / 100, rounded once. `months` are those of the calls."""

    name: str
    percent: str
    months: list[str]
    base: str
    amount: str


class SourceDocument(TypedDict):
    """Where the quantities of a month come from, so that anyone can derive them again.

    `sql` and `parameters` are the query that lines name by its reference `query`, and `lake` is where the
    Parquet files lie that it reads. `report` is the reconciliation with which the month was sealed; None
    for an open month, which was proven for this invoice.
    """

    month: str
    query: str
    sql: str
    parameters: list[str]
    lake: str
    report: str | None
    meter: NotRequired[str]
    """The meter that counted them, where there are several."""
    fingerprint: NotRequired[str]
    """Of the account's calls in that meter."""


class InvoiceDocument(TypedDict):
    """An invoice. `id` is derived from everything else. `draft` says, a sentence each, why it is none yet."""

    format: Literal["usage-meter/invoice/1"]
    id: str
    draft: list[str]
    account: str
    period: PeriodDocument
    currency: str
    rounding: RoundingDocument
    keys: list[KeyDocument]
    fingerprint: str
    lines: list[LineDocument]
    adjustments: list[AdjustmentDocument]
    sources: list[SourceDocument]
    usage_total: str
    adjustment_total: str
    total: str
    kind: NotRequired[Literal["credit_note", "nothing_due"]]
    """Whether the total is below zero; or nothing is due, and by the tariff there is no invoice then: the
    document keeps what was billed, and is sent to nobody.
    """
    number: NotRequired[str]
    """In its series."""
    date: NotRequired[str]
    """On which the number was given."""
    seller: NotRequired[PartyDocument]
    customer: NotRequired[PartyDocument]
    tax: NotRequired[list[TaxDocument]]
    """Without it tax is not included."""
    amount_due: NotRequired[str]
    """The total with taxes."""
    payment: NotRequired[str]
    """How it is paid."""
    adjusts_only: NotRequired[Literal[True]]
    """Whether it stands beside the month's invoice of the account, or in place of one, and bills no usage of
    its month.
    """
    adjusted_keys: NotRequired[dict[str, list[str]]]
    """By earlier month, the keys that it bills which no document of that month names."""
    reprice: NotRequired[str]
    """Why earlier months were priced again by another tariff than the one by which they were billed."""
    meters: NotRequired[dict[str, dict[str, str]]]
    """By month and meter, the fingerprint of the calls, until the sources have it."""
