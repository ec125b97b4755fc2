"""Months of invoices for the table of loads: any number of accounts and months, on a bucket that counts.

The shipped code issues the last month, by the shipped adapters. What earlier months issued is made up from a
document of the shipped code. Documents are counted and not kept: who wants to read one fails, so that the
figures are of runs that need none. All else is in files, and the chain of what was billed is as shipped.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from botocore.exceptions import ClientError

from adapters.s3.billing_chain import S3BillingChain
from adapters.s3.invoices import S3Invoices
from cli.billing.tariff_file import read_tariff_file
from metering.bucket_layout import INVOICES, invoice_name
from metering.period import Period, following
from metering.prices.billing import bill_month
from metering.prices.canonical import canonical_json
from metering.prices.documents import DOCUMENT_NAME
from metering.prices.invoice import attested
from metering.prices.statement import KeyUsage, MonthUsage
from metering.prices.tariff import KEY_ACCOUNT, Tariff
from metering.proof.billing_chain import NO_HEAD, Head, LinkKind, digest_of
from metering.usage import Usage
from reconciliation.billing_chain import BillingChain
from reconciliation.invoices.issue import Invoicing
from reconciliation.invoices.month_copy import read_document
from reconciliation.invoices.ports import Proven
from reconciliation.invoices.proven_usage import source_of
from reconciliation.invoices.result import Invoiced, Issued, IssuedSpool

FIRST: Final = Period("2020-01")
_PAGE: Final = 1_000
"""Objects of a list that S3 gives at a time."""
_FILES: Final = ("csv", "html", "json")
_TARIFF: Final = """
currency: EUR
rounding: {digits: 2, mode: half_even}
zero_month: nothing
default_plan: pay
plans:
  pay:
    - version: "1"
      valid_from: 2020-01
      prices:
        - {metric: billable, model: graduated, tiers: [{up_to: 100, unit_price: 0.01}, {unit_price: 0.001}]}
"""


class _S3:
    """The parts of boto3's client that invoices use, in files; with the requests that S3 would have had."""

    def __init__(self, accounts: int) -> None:
        self.writes = 0
        """And lists, which cost the same."""
        self.reads = 0
        self.issued: set[str] = set()
        """Months with the documents of all accounts."""
        self._accounts = accounts
        self._folder = Path(tempfile.mkdtemp(prefix="usage-meter-load-"))
        weakref.finalize(self, shutil.rmtree, self._folder)

    def put_object(self, **request: Any) -> dict[str, Any]:
        self.writes += 1
        if not _is_of_account(request["Key"]):
            self._file(request["Key"]).write_bytes(request["Body"])
        return {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803, ARG002 - boto3's names
        self.reads += 1
        if _is_of_account(Key):
            raise AssertionError(f"{Key} is not to be read")
        if not self._file(Key).exists():
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": Key}}, "GetObject")
        return {"Body": io.BytesIO(self._file(Key).read_bytes()), "ETag": ""}

    def get_paginator(self, _operation: str) -> _S3:
        return self

    def paginate(self, *, Bucket: str, Prefix: str, Delimiter: str = "") -> Iterator[dict[str, Any]]:  # noqa: N803, ARG002 - boto3's names
        if Delimiter:
            self.writes += 1
            yield {"CommonPrefixes": [{"Prefix": f"{Prefix}{month}/"} for month in sorted(self.issued)]}
            return
        page: list[dict[str, Any]] = []
        for name in self._names(Prefix):
            page.append({"Key": name, "ETag": "", "Size": 1})
            if len(page) == _PAGE:
                self.writes += 1
                yield {"Contents": page}
                page = []
        self.writes += 1
        yield {"Contents": page}

    def _names(self, prefix: str) -> Iterator[str]:
        if not prefix.startswith(INVOICES):
            for path in sorted(self._folder.iterdir()):
                name = path.name.replace("|", "/")
                if name.startswith(prefix):
                    yield name
        wanted = self.issued if prefix == INVOICES else self.issued & {prefix[len(INVOICES) : -1]}
        for month in sorted(wanted):
            for key in range(self._accounts):
                folder = f"{INVOICES}{month}/{quote(KEY_ACCOUNT)}{_key(key)}/"
                yield from (f"{folder}invoice.{kind}" for kind in _FILES)

    def _file(self, name: str) -> Path:
        return self._folder / name.replace("/", "|")


class _Heads:
    """The chain's head."""

    def __init__(self) -> None:
        self._head = NO_HEAD

    def read(self) -> Head:
        return self._head

    def keep(self, head: Head) -> None:
        self._head = head


class _Usages:
    """Months in which each key, an account of its own, has calls; a tenth of them come after the invoice."""

    def __init__(self, keys: int, now: Period) -> None:
        self._keys = keys
        self._now = now

    def billed(self, month: Period) -> Proven:
        source = source_of(month, "s3://lake/lake/", None)
        late = 0 if month == self._now else 100
        keys = tuple(_used(key, late if key % 10 == 0 else 0) for key in range(self._keys))
        return Proven(MonthUsage(month, keys, source["query"]), source)

    known = billed


class InvoiceLoad:
    """A month to be invoiced, the months before it being invoiced."""

    def __init__(self, accounts: int, months: int) -> None:
        """`months` counts the one that is invoiced."""
        self._s3 = _S3(accounts)
        self._tariff = _tariff()
        self._chain = BillingChain(
            S3BillingChain(self._s3, "lake"),  # type: ignore[arg-type]  # in its place
            _Heads(),
            lambda: datetime(2026, 11, 5, tzinfo=UTC),
        )
        self._store = S3Invoices(self._s3, "lake")  # type: ignore[arg-type]  # in its place
        self.month = FIRST
        for _ in range(months - 1):
            self._make_up(accounts)
            self.month = following(self.month)
        usages = _Usages(accounts, self.month)
        self._job = Invoicing(usages, self._store, chain=self._chain, looks_again=False)
        self._s3.writes = self._s3.reads = 0

    @property
    def requests(self) -> dict[str, int]:
        """The requests of S3 so far, by the names of their prices."""
        return {"s3_writes": self._s3.writes, "s3_reads": self._s3.reads}

    def invoice(self) -> None:
        """Issue the month."""
        self._job.invoice(self.month, self._tariff)
        self._s3.issued.add(self.month)

    def issued(self, accounts: int) -> Invoiced:
        """What the run of a month would have issued to these accounts, without adjustments."""
        spool = IssuedSpool()
        for document in self._documents(accounts):
            spool.add(Issued(read_document(document), is_new=True, is_as_computed=True), document)
        return Invoiced(self.month, spool.issued(), (), ())

    def _documents(self, accounts: int) -> Iterator[bytes]:
        """Those of the month, as they would have been issued, without adjustments."""
        samples = [self._sample(key) for key in range(min(accounts, _KINDS))]
        for key in range(accounts):
            yield samples[key % _KINDS].replace(_key(key % _KINDS).encode(), _key(key).encode())

    def _make_up(self, accounts: int) -> None:
        digests: dict[str, str] = {}
        month = self.month

        def lines() -> Iterator[bytes]:
            for key, document in enumerate(self._documents(accounts)):
                digests[invoice_name(month, KEY_ACCOUNT + _key(key), DOCUMENT_NAME)] = digest_of(document)
                yield document

        self._store.copy(month, lines())
        self._chain.add(LinkKind.INVOICES, month, digests)
        self._s3.issued.add(month)

    def _sample(self, key: int) -> bytes:
        source = source_of(self.month, "s3://lake/lake/", None)
        usage = MonthUsage(self.month, (_used(key),), source["query"])
        [document] = bill_month(self._tariff, usage).invoices
        return canonical_json(attested(document, [source]))


_KINDS: Final = 7
"""Of accounts, by the number of their calls."""


def _used(key: int, late: int = 0) -> KeyUsage:
    calls = 900 + key % _KINDS + late
    return KeyUsage.of(_key(key), Usage(calls, calls, 5, 5_000, 100, 9_000, calls))


def _key(number: int) -> str:
    return f"k{number:09d}x"


def _is_of_account(name: str) -> bool:
    return name.startswith(INVOICES) and name.count("/") > 1


def _tariff() -> Tariff:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(_TARIFF)
        file.flush()
        return read_tariff_file(Path(file.name))
