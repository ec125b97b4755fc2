"""Files with all documents of a month: the same bytes as of the whole month, which is never in memory."""

from __future__ import annotations

import io
import json
import weakref
from collections.abc import Callable, Sequence
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias, cast

import pytest
from rich.console import Console

from cli.billing.invoice_exports import STRIPE, export, left_out
from cli.billing.invoice_files import write_files, write_table
from cli.billing.invoice_session import summary
from cli.common.errors import CommandError
from cli.common.output import STANDARD, write_json
from cli.common.terminal import visible_json
from cli.common.whole_file import UNFINISHED
from metering.period import Period
from metering.prices.billing import Unpriced
from metering.prices.documents import InvoiceDocument
from metering.prices.tariff import Tariff
from metering.results.safe_csv import BYTE_ORDER_MARK
from reconciliation.invoices.month_table import month_rows
from reconciliation.invoices.result import Invoiced, Issued
from tests.metering.prices.builders import flat, tariff, version
from tests.reconciliation.invoices.test_exports import invoice

MONTH = Period("2026-11")
DOCUMENT = invoice(late=-5)
"""What is paid back of October is a credit at Stripe."""
SCREEN = Console(quiet=True)
Capture: TypeAlias = pytest.CaptureFixture[str]
UNPRICED = (Unpriced(MONTH, None, ("k9", "ü\u202e"), "nobody's"),)


class Document(dict[str, Any]):
    """A document of which can be seen whether anybody holds it."""


Change: TypeAlias = Callable[[int, Document], object]
"""What makes a document differ from the others, by its number."""


class Documents(Sequence[Issued]):
    """Documents of a month, each made when it is read; the most that existed at once."""

    def __init__(self, number: int, change: Change = lambda _number, _document: None) -> None:
        self._number = number
        self._change = change
        self._alive: list[weakref.ref[Document]] = []
        self.most = 0
        self.reads = 0

    def __len__(self) -> int:
        return self._number

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[number] for number in range(self._number)[index]]
        document = Document(deepcopy(DOCUMENT), account=f"a{range(self._number)[index]:06d}")
        self._change(index, document)
        self._alive = [one for one in self._alive if one() is not None] + [weakref.ref(document)]
        self.most, self.reads = max(self.most, len(self._alive)), self.reads + 1
        return Issued(cast("InvoiceDocument", document), is_new=True, is_as_computed=index != 1)


def mixed(number: int, document: Document) -> None:
    """Of five documents one has nothing due, one is a credit note, and one has characters that hide."""
    changes = ("kind", "nothing_due"), ("kind", "credit_note"), ("currency", "USD"), ("id", "ü\u202e"), None
    if change := changes[number % len(changes)]:
        document |= [change]


def invoiced(issued: Sequence[Issued], unpriced: Sequence[Unpriced] = ()) -> Invoiced:
    """A run that issued them."""
    return Invoiced(MONTH, issued, tuple(unpriced), ())


@pytest.fixture(scope="module")
def customers() -> Tariff:
    """A tariff in which Stripe knows all accounts but the second."""
    accounts: dict[str, Any] = {
        f"a{n:06d}": {"keys": [f"k{n}"], "plan": "pro", "stripe_customer": f"cus_{n}"} for n in range(50)
    }
    del accounts["a000001"]["stripe_customer"]
    return tariff({"pro": [version(flat("0.01"))]}, accounts)


def whole_month(run: Invoiced) -> dict[str, object]:
    """The month's document with all that it holds."""
    documents = list(run.invoices)
    nothing = [one for one in documents if one.get("kind") == "nothing_due"]
    return {
        "format": "usage-meter/invoices/1",
        "month": "2026-11",
        "invoices": [one for one in documents if one.get("kind") != "nothing_due"],
        **({"nothing_due": nothing} if nothing else {}),
        "credit_notes": [one["id"] for one in documents if one.get("kind") == "credit_note"],
        "unpriced": [
            {"month": one.month, "account": one.account, "keys": list(one.keys), "reason": one.reason}
            for one in run.unpriced
        ],
    }


def whole_table(run: Invoiced) -> dict[str, object]:
    """The table with all of its rows, and the sums of each currency."""
    rows = list(month_rows(run.invoices))
    sums = {
        currency: f"{sum(Decimal(row['total']) for row in rows if row['currency'] == currency):.2f}"
        for currency in sorted({row["currency"] for row in rows})
    }
    return {
        "format": "usage-meter/month-table/1",
        "month": "2026-11",
        "draft": [],
        "documents": rows,
        "sums": [
            {"currency": currency, "total": amount, "tax": "0", "amount_due": amount}
            for currency, amount in sums.items()
        ],
    }


def whole_summary(run: Invoiced) -> dict[str, object]:
    """What `--json` prints, with all documents."""
    names = ("id", "number", "account", "currency", "usage_total", "adjustment_total", "total")
    return {
        "month": "2026-11",
        "draft": [],
        "invoices": [
            {name: one.invoice.get(name) for name in names}
            | {"is_new": True, "is_as_computed": one.is_as_computed}
            for one in run.issued
        ],
        "unpriced": whole_month(run)["unpriced"],
        "unused_numbers": [],
    }


@pytest.mark.parametrize("unpriced", [(), UNPRICED], ids=["all is priced", "some is not"])
@pytest.mark.parametrize("number", [0, 1, 2, 12])
def test_the_bytes_are_those_of_the_whole_month(
    number: int,
    unpriced: tuple[Unpriced, ...],
    customers: Tariff,
    tmp_path: Path,
    capfd: Capture,
) -> None:
    """In a file, indented; on standard output, on one line in which every character can be seen."""
    run, file = invoiced(Documents(number, mixed), unpriced), tmp_path / "file.json"
    writers: list[tuple[Callable[[Path], None], dict[str, object]]] = [
        (lambda place: export(("json", place), run, customers, SCREEN), whole_month(run)),
        (lambda place: write_table(place, run), whole_table(run)),
        (lambda place: write_json(place, summary(run)), whole_summary(run)),
    ]
    for write, document in writers:
        write(file)
        write(STANDARD)
        assert json.dumps(document, indent=2) + "\n" == file.read_text()
        assert visible_json(json.dumps(document)) + "\n" == capfd.readouterr().out


def test_a_table_for_spreadsheets(tmp_path: Path) -> None:
    """A header, and a row for each document."""
    run, file = invoiced(Documents(12, mixed)), tmp_path / "file.csv"
    write_table(file, run)
    header, *rows = file.read_bytes().decode().removeprefix(BYTE_ORDER_MARK).splitlines()
    assert header.startswith("month,account,customer,kind,number,date,invoice,usage,")
    assert [f"a{number:06d}" for number in range(12)] == [row.split(",")[1] for row in rows]


def test_stripes_files(customers: Tariff, tmp_path: Path) -> None:
    """A line for each event, and one for each credit in the file beside; who is left out is named."""
    run, file = invoiced(Documents(3)), tmp_path / "events.jsonl"
    export((STRIPE, file), run, customers, SCREEN)
    events, credit = map(lines_of, (file, beside(file)))

    assert {"cus_0", "cus_2"} == {one["payload"]["stripe_customer_id"] for one in events}
    assert [("cus_0", -15), ("cus_2", -15)] == [(one["customer"], one["amount"]) for one in credit]
    assert ["a000001"] == list(left_out((STRIPE, file), run, customers))
    assert [] == list(left_out(("json", file), run, customers))


def test_credits_of_an_earlier_export_do_not_stay(customers: Tariff, tmp_path: Path, capfd: Capture) -> None:
    """Whoever posts both files would credit them again: the file is empty then, and this is reported, once.
    Events that go to standard output have no file beside them, and none is made where there was none.
    """
    file, screen = tmp_path / "events.jsonl", Console(width=500)
    without, with_credits = invoiced(Documents(1, no_adjustments)), invoiced(Documents(1))
    export((STRIPE, file), without, customers, screen)
    assert [file] == list(tmp_path.iterdir())
    export((STRIPE, file), with_credits, customers, SCREEN)
    old = beside(file).read_text()
    export((STRIPE, STANDARD), without, customers, screen)
    assert old == beside(file).read_text() != ""
    capfd.readouterr()
    for reported in (
        f"There are no credits: {beside(file)} was of an earlier export, and is empty now\n",
        "",
    ):
        export((STRIPE, file), without, customers, screen)
        assert (reported, "") == (capfd.readouterr().out, beside(file).read_text())


def no_adjustments(_number: int, document: Document) -> None:
    """Nothing is charged, and nothing paid back, of earlier months."""
    document["adjustments"] = []


def lines_of(file: Path) -> list[Any]:
    """The JSON of each line."""
    return [json.loads(line) for line in file.read_text().splitlines()]


def beside(file: Path) -> Path:
    """The file of credits."""
    return file.with_name("events.credits.jsonl")


def test_what_stripe_refuses_changes_no_file(customers: Tariff, tmp_path: Path, capfd: Capture) -> None:
    """The last credit is finer than a cent: the files of the month before stay, and nothing is printed."""

    def refused(number: int, document: Document) -> None:
        if number == 4:
            document["adjustments"][0]["amount"] = "-0.001"

    run, file = invoiced(Documents(5, refused)), tmp_path / "events.jsonl"
    for path in (file, beside(file)):
        path.write_text("of October")
    for place in (file, STANDARD):
        with pytest.raises(CommandError, match=r"Nothing was exported: .* of account a000004 is finer"):
            export((STRIPE, place), run, customers, SCREEN)
    assert {file: "of October", beside(file): "of October"} == {
        one: one.read_text() for one in tmp_path.iterdir()
    }
    assert "" == capfd.readouterr().out


@pytest.mark.parametrize("place", [STANDARD, Path("/dev/stdout")])
def test_credits_need_a_file(place: Path, customers: Tariff, capfd: Capture) -> None:
    """Events alone would charge too much."""
    with pytest.raises(CommandError, match="credits have a file of their own"):
        export((STRIPE, place), invoiced(Documents(1)), customers, SCREEN)
    assert "" == capfd.readouterr().out


def test_a_document_that_cannot_be_read_changes_no_file(customers: Tariff, tmp_path: Path) -> None:
    """The last one is damaged: what was exported before stays."""

    def damaged(number: int, document: Document) -> None:
        if number == 4:
            del document["id"]
            document["kind"] = "credit_note"

    run, file = invoiced(Documents(5, damaged)), tmp_path / "file"
    writers: list[Callable[[], None]] = [
        lambda: export(("json", file), run, customers, SCREEN),
        lambda: write_table(file, run),
        lambda: write_table(file.with_suffix(".csv"), run),
        lambda: write_json(file, summary(run)),
    ]
    for path in (file, file.with_suffix(".csv")):
        path.write_text("of October")
    for write in writers:
        with pytest.raises(KeyError):
            write()
    assert ["of October"] * 2 == [path.read_text() for path in tmp_path.iterdir()]


WRITERS: dict[str, Callable[[Path, Invoiced, Tariff], object]] = {
    "document": lambda file, run, read: export(("json", file), run, read, SCREEN),
    "Stripe": lambda file, run, read: export((STRIPE, file), run, read, SCREEN),
    "left out": lambda file, run, read: list(left_out((STRIPE, file), run, read)),
    "table": lambda file, run, _read: write_table(file, run),
    "CSV": lambda file, run, _read: write_table(file.with_suffix(".csv"), run),
    "summary": lambda file, run, _read: write_json(file, summary(run)),
    "files": lambda file, run, _read: write_files(file, run.issued),
}
every_writer = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)


@every_writer
def test_no_more_documents_are_held_than_are_written(
    write: Callable[[Path, Invoiced, Tariff], object], customers: Tariff, tmp_path: Path
) -> None:
    """Of fifty, two exist at once, the one that is written and the one before it: of a month of any size."""
    documents = Documents(50)
    write(tmp_path / "file", invoiced(documents), customers)
    assert (True, True) == (documents.reads >= 50, documents.most <= 3)


@pytest.mark.parametrize("name", sorted(WRITERS.keys() - {"left out", "files"}))
def test_what_was_made_is_on_the_disk(name: str, customers: Tariff, tmp_path: Path) -> None:
    """When the last document is read, the others are written, but for what a file's buffer holds."""
    sizes: list[int] = []

    def look(_number: int, _document: Document) -> None:
        found = tmp_path.glob(f"{UNFINISHED}*")
        sizes.append(sum(one.stat().st_size for one in found))

    WRITERS[name](tmp_path / "file", invoiced(Documents(150, look)), customers)
    whole = sum(one.stat().st_size for one in tmp_path.iterdir())
    assert whole - len(json.dumps(DOCUMENT, indent=2)) * 2 - io.DEFAULT_BUFFER_SIZE < sizes[-1] < whole
