"""Issued invoices in the lake's bucket, outside the prefix that Athena reads.

    invoices/2026-10/acme/invoice.json          the document: it is written once, and never changed
    invoices/2026-10/acme/invoice.csv, .html    what follows from it
    invoices/2026-10.jsonl.gz                   a copy of all documents of the month, a line each; the first
                                                line says what they are

    numbers/INV-2026-/000001.json     {"batch": 1, "first": 1, "places": ["acme", "globex"], ...}

A document, and a batch of numbers, is put on the condition that there is none, which S3 checks: of two jobs
at once one decides.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import IO, TYPE_CHECKING, Final
from urllib.parse import unquote

import msgspec
from isal import igzip, isal_zlib

from adapters.s3.bucket import Bucket
from metering.bucket_layout import INVOICES, NUMBERS, copy_name, invoice_name
from metering.calls.key_names import file_name
from metering.errors import Misconfigured
from metering.period import Period, parse_month
from metering.prices.documents import ADJUSTMENTS, DOCUMENT_NAME
from metering.prices.terms.numbers import NumberBatch

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

READERS: Final = 8
"""Documents that are read at the same time: fewer than the ten connections that a client keeps."""
MOST_MONTHS: Final = 24
"""Of which an account's invoices are listed."""
READ_AHEAD: Final = 1_000
"""Documents that are in memory at a time."""
COPY_FORMAT: Final = "usage-meter/documents/1"
_LEVEL: Final = 2
_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_decode: Final = msgspec.json.Decoder(NumberBatch).decode


class S3Invoices:
    """The port `InvoiceStore` on one bucket. Errors of S3 become Transient or Misconfigured."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._bucket = Bucket(s3, bucket)

    def months(self) -> list[Period]:
        """The months that have invoices, in order."""
        return [parse_month(folder) for folder in self._bucket.folders(INVOICES)]

    def names(self, of_month: Period) -> list[str]:
        """The names of the objects with the documents of a month, in order."""
        names = (one.name for one in self._bucket.objects(f"{INVOICES}{of_month}/"))
        return [name for name in names if name.endswith(f"/{DOCUMENT_NAME}")]

    def contents(self, names: Sequence[str]) -> Iterator[bytes | None]:
        """Such objects, in their order; None: it is gone. Some are read ahead of who takes them."""
        with ThreadPoolExecutor(READERS) as pool:
            for begin in range(0, len(names), READ_AHEAD):
                yield from pool.map(self._content, names[begin : begin + READ_AHEAD])

    def copied(self, of_month: Period) -> Iterator[bytes]:
        """The lines of the copy of a month's documents, as far as it can be read."""
        with self._bucket.opened(copy_name(of_month)) as body:
            if body is not None:
                yield from _lines(body)

    def copy(self, of_month: Period, documents: Iterable[bytes]) -> None:
        """Keep a copy of all documents of a month, in place of any that there is."""
        packed = io.BytesIO()
        first = _encode({"format": COPY_FORMAT, "month": of_month})
        with igzip.IGzipFile(fileobj=packed, mode="wb", compresslevel=_LEVEL, mtime=0) as file:  # type: ignore[no-untyped-call]
            file.writelines(line + b"\n" for line in chain([first], documents))
        self._bucket.put(copy_name(of_month), packed.getvalue())

    def decide(self, of_month: Period, account: str, document: bytes) -> tuple[bytes, bool]:
        """Keep the document of an account's month unless there is one; the one that is kept now, and whether
        it was put there by this call.

        A put whose answer was lost is repeated by the SDK and refused because of itself: what is kept is the
        same then, and counts as another's.
        """
        key = invoice_name(of_month, account, DOCUMENT_NAME)
        is_new = self._bucket.put_if_absent(key, document)
        return (document, True) if is_new else (self._bucket.content(key), False)

    def add(self, of_month: Period, account: str, name: str, content: bytes) -> bytes:
        """Keep what follows from a document, beside it, unless it is there; what is kept now."""
        key = invoice_name(of_month, account, name)
        return content if self._bucket.put_if_absent(key, content) else self._bucket.content(key)

    def _content(self, name: str) -> bytes | None:
        found = self._bucket.get(name)
        return None if found is None else found.content


def _lines(body: IO[bytes]) -> Iterator[bytes]:
    """The lines of a compressed object. One that is damaged ends where it is."""
    try:
        with igzip.IGzipFile(fileobj=body, mode="rb") as file:  # type: ignore[no-untyped-call]
            for line in file:
                yield line.removesuffix(b"\n")
    except (EOFError, igzip.BadGzipFile, isal_zlib.error):  # type: ignore[misc]  # its stub lacks the class
        return


class S3IssuedInvoices:
    """The port `InvoiceSource` on one bucket, for a role that may only list and read invoices. An object is
    listed before it is read: S3 says of one that is not there that it may not be read, to whoever
    may not list all of the bucket. https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def documents(self, account: str) -> list[bytes]:
        """Those of an account, of the last months that have any, the latest first."""
        months = [parse_month(folder) for folder in self._bucket.folders(INVOICES)][-MOST_MONTHS:]
        with ThreadPoolExecutor(READERS) as pool:
            found = pool.map(lambda month: list(self._of_month(month, account)), reversed(months))
            return [document for documents in found for document in documents]

    def file(self, of_month: Period, place: str, name: str) -> bytes | None:
        """A file of an invoice; None: it is not there."""
        key = invoice_name(of_month, place, name)
        return self._bucket.content(key) if self._bucket.count(key) else None

    def _of_month(self, of_month: Period, account: str) -> Iterator[bytes]:
        """The account's document of a month, then those that only correct earlier months. These are few: one
        account has them where its currency was changed.
        """
        own = self.file(of_month, account, DOCUMENT_NAME)
        if own is not None:
            yield own
        for one in self._bucket.objects(f"{INVOICES}{of_month}/{file_name(ADJUSTMENTS)}"):
            folder, _, name = one.name.removeprefix(f"{INVOICES}{of_month}/").partition("/")
            currency = unquote(folder).removeprefix(ADJUSTMENTS).partition(":")[0]
            is_own = folder == file_name(f"{ADJUSTMENTS}{currency}:{account}")
            if is_own and name == DOCUMENT_NAME:
                yield self._bucket.content(one.name)


class S3NumberRegister:
    """The port `NumberRegister` on one bucket. Errors of S3 become Transient or Misconfigured."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def series(self) -> list[str]:
        """The series that have numbers."""
        return [unquote(folder) for folder in self._bucket.folders(NUMBERS)]

    def batches(self, series: str) -> Iterator[NumberBatch]:
        """The batches of a series, the last first."""
        names = [one.name for one in self._bucket.objects(f"{NUMBERS}{file_name(series)}/")]
        return (self._read(name) for name in reversed(names))

    def give(self, batch: NumberBatch) -> NumberBatch:
        """Keep a batch, unless its place in the series is taken; the one that is kept there now.

        A write whose answer was lost is repeated by the SDK and refused because of itself: what is kept is
        the same then.
        """
        name = f"{NUMBERS}{file_name(batch.series)}/{batch.batch:06d}.json"
        return batch if self._bucket.put_if_absent(name, _encode(batch)) else self._read(name)

    def _read(self, name: str) -> NumberBatch:
        try:
            return _decode(self._bucket.content(name))
        except msgspec.DecodeError as error:
            place = self._bucket.address(name)
            raise Misconfigured(
                [f"{place} is not a batch of numbers ({error}): restore its first version"]
            ) from error
