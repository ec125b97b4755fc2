"""Invoices in S3: written once, under one name for each account and month."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from adapters.s3.bucket import Bucket
from adapters.s3.invoices import S3Invoices, S3IssuedInvoices
from local_cloud.endpoint.server import LocalEndpoint
from metering.calls.key_names import file_name
from metering.errors import MeterError, Misconfigured, Transient
from metering.period import Period
from metering.prices.tariff_file import read_tariff
from metering.usage import Usage
from reconciliation.invoices.issue import Invoicing
from tests.metering.prices.builders import document, flat, version
from tests.reconciliation.invoices.samples import Known

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BUCKET = "lake"
OCTOBER, NOVEMBER = Period("2026-10"), Period("2026-11")


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """A client of S3 with a bucket."""
    with LocalEndpoint() as endpoint:
        client = endpoint.client("s3")
        client.create_bucket(Bucket=BUCKET)
        yield client


@pytest.fixture
def shelf(s3: Any) -> S3Invoices:
    """The store, without invoices, beside other objects."""
    for key in everything(s3):
        s3.delete_object(Bucket=BUCKET, Key=key)
    s3.put_object(Bucket=BUCKET, Key="lake/year=2026/invoice.json", Body=b"")
    return S3Invoices(s3, BUCKET)


def everything(s3: Any) -> dict[str, bytes]:
    """All objects of the bucket."""
    listed = s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return {one["Key"]: s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in listed}


def invoices(s3: Any) -> dict[str, bytes]:
    """Those of invoices."""
    return {key: body for key, body in everything(s3).items() if key.startswith("invoices/")}


class Failing:
    """A client of S3 whose put of a number fails, before or after it happened."""

    def __init__(self, s3: Any, fails_at: int, *, happens: bool, error: Exception) -> None:
        self._s3 = s3
        self._fails_at = fails_at
        self._happens = happens
        self._error = error
        self.puts = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def put_object(self, **request: Any) -> Any:
        """Put an object, if it is not the one that fails."""
        fails, self.puts = self.puts == self._fails_at, self.puts + 1
        answer = self._s3.put_object(**request) if self._happens or not fails else None
        if fails:
            raise self._error
        return answer


def refused(code: str, status: int = 400) -> ClientError:
    """S3's answer of that code."""
    return ClientError(
        {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]  # the rest is not looked at
        "PutObject",
    )


def test_the_first_document_stands(shelf: S3Invoices, s3: Any) -> None:
    """A second one for the same account and month is not written; the first is given back."""
    assert (b"{}", True) == shelf.decide(OCTOBER, "acme", b"{}")
    assert (b"{}", False) == shelf.decide(OCTOBER, "acme", b"other")
    assert (b"other", True) == shelf.decide(NOVEMBER, "acme", b"other")
    assert {
        "invoices/2026-10/acme/invoice.json": b"{}",
        "invoices/2026-11/acme/invoice.json": b"other",
    } == invoices(s3)
    assert (
        "application/json"
        == s3.head_object(Bucket=BUCKET, Key="invoices/2026-10/acme/invoice.json")["ContentType"]
    )


def test_months_and_documents(shelf: S3Invoices) -> None:
    """Months come in order, and of a month the documents alone."""
    for month, account in ((NOVEMBER, "a"), (OCTOBER, "b"), (OCTOBER, "a")):
        shelf.decide(month, account, f"{month} {account}".encode())
        shelf.add(month, account, "invoice.html", b"page")
    assert [OCTOBER, NOVEMBER] == shelf.months()
    names = shelf.names(OCTOBER)
    assert ["invoices/2026-10/a/invoice.json", "invoices/2026-10/b/invoice.json"] == names
    assert [b"2026-10 a", None, b"2026-10 b"] == list(shelf.contents([names[0], "invoices/gone", names[1]]))
    assert [] == shelf.names(Period("2025-01"))


def test_a_copy_of_a_month(shelf: S3Invoices, s3: Any) -> None:
    """It is lines of one object after a first line that says what they are, no month of its own, and the same
    bytes for the same lines; one that is damaged is read as far as it goes, and one that is missing has none.
    """
    lines = [f'{{"n":{number}}}'.encode() for number in range(20_000)]
    for month in (OCTOBER, NOVEMBER):
        shelf.copy(month, iter(lines))
    content = everything(s3)["invoices/2026-10.jsonl.gz"]
    assert [b'{"format":"usage-meter/documents/1","month":"2026-10"}', *lines] == list(shelf.copied(OCTOBER))
    assert (b"", []) == (b"".join(shelf.copied(Period("2026-12"))), shelf.months())
    for damaged in (content[: len(content) // 2], b"nothing of the kind", content[:-9] + bytes(9)):
        s3.put_object(Bucket=BUCKET, Key="invoices/2026-10.jsonl.gz", Body=damaged)
        read = list(shelf.copied(OCTOBER))[1:]
        assert lines[: len(read)][:-1] == read[:-1]
    shelf.copy(OCTOBER, lines)
    assert content == everything(s3)["invoices/2026-10.jsonl.gz"]


@pytest.mark.parametrize(
    ("account", "folder"),
    [
        ("acme", "acme"),
        ("key:a1", "key%3Aa1"),
        ("../../other", "%2E.%2F..%2Fother"),
        ("..", "%2E."),
        ("a/b", "a%2Fb"),
        ("a%2Fb", "a%252Fb"),
        ("Müller & Söhne", "M%C3%BCller %26 S%C3%B6hne"),
    ],
)
def test_an_account_is_one_folder(account: str, folder: str) -> None:
    """Whatever an account is called, its name leads nowhere else, and to no other account's folder."""
    assert folder == file_name(account)


def issue(client: Any, known: Known | None = None) -> None:
    """Two accounts' October."""
    accounts = {"acme": {"keys": ["k1"], "plan": "pro"}, "globex": {"keys": ["k2"], "plan": "pro"}}
    tariff = read_tariff(document({"pro": [version(flat())]}, accounts))  # type: ignore[arg-type]  # of texts
    if known is None:
        known = Known()
        known.add(OCTOBER, "k1", Usage(3, 3))
    Invoicing(known, S3Invoices(client, BUCKET)).invoice(OCTOBER, tariff)


@pytest.mark.parametrize(
    ("fails_at", "happens"),
    # each write fails in every run of the tests, one before it happened and the next after that
    [
        pytest.param(number, happens, marks=[pytest.mark.exhaustive] * (happens != bool(number % 2)))
        for number in range(7)
        for happens in (False, True)
    ],
)
def test_each_write_fails_in_turn(fails_at: int, happens: bool, shelf: S3Invoices, s3: Any) -> None:
    """S3 does not answer a put, which may have happened: run again, all is as if it had."""
    assert [] == shelf.months()
    issue(s3)
    undisturbed = invoices(s3)
    for key in undisturbed:
        s3.delete_object(Bucket=BUCKET, Key=key)
    failing = Failing(s3, fails_at, happens=happens, error=EndpointConnectionError(endpoint_url="s3"))
    with pytest.raises(Transient):
        issue(failing)
    issue(s3)
    assert 6 + 1 == len(undisturbed)
    assert undisturbed == invoices(s3)


def test_two_jobs_at_once(shelf: S3Invoices, s3: Any) -> None:
    """Another job knows of one call more, and issues between this one's look and its first write: one invoice
    stands, and its spreadsheet and page are its own.
    """
    assert [] == shelf.months()

    class Late(Known):
        def known(self, month: Period) -> Any:
            proven = super().known(month)
            more = Known()
            more.add(OCTOBER, "k1", Usage(4, 4))
            issue(s3, more)
            return proven

    late = Late()
    late.add(OCTOBER, "k1", Usage(3, 3))
    issue(s3, late)
    found = invoices(s3)
    acme = json.loads(found["invoices/2026-10/acme/invoice.json"])
    assert (6 + 1, "4.00") == (len(found), acme["total"])
    for kind in ("csv", "html"):
        assert acme["id"].encode() in found[f"invoices/2026-10/acme/invoice.{kind}"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (refused("ConditionalRequestConflict", 409), Transient),
        (refused("SlowDown", 503), Transient),
        (refused("AccessDenied", 403), Misconfigured),
    ],
)
def test_refusals_of_s3(error: ClientError, expected: type[MeterError], shelf: S3Invoices, s3: Any) -> None:
    """They become the meter's own errors, by what the caller must do."""
    assert [] == shelf.months()
    failing = S3Invoices(cast("S3Client", Failing(s3, 0, happens=False, error=error)), BUCKET)
    with pytest.raises(expected, match=r"invoices/2026-10/acme/invoice\.json"):
        failing.decide(OCTOBER, "acme", b"{}")


def test_a_bucket_that_cannot_be_read(s3: Any) -> None:
    """Every reading says which bucket."""
    nowhere = S3Invoices(s3, "nowhere")
    for read in (nowhere.months, lambda: nowhere.names(OCTOBER), lambda: list(nowhere.copied(OCTOBER))):
        with pytest.raises(Misconfigured, match="nowhere/invoices/"):
            read()


@pytest.mark.parametrize("account", ["客" * 256, "repo:example-org/" + "r" * 900], ids=["CJK", "long"])
def test_a_long_account_has_a_short_folder(shelf: S3Invoices, account: str) -> None:
    """S3 takes names of 1,024 bytes, a disk of 255; what was decided is found again."""
    assert (b"one", True) == shelf.decide(OCTOBER, account, b"one")
    assert (b"one", False) == shelf.decide(OCTOBER, account, b"two")
    (place,) = shelf.names(OCTOBER)
    assert max(map(len, place.split("/"))) <= 200


def test_of_an_account(s3: Any, shelf: S3Invoices) -> None:
    """An account's documents, the latest month first, with those that only correct earlier months; nothing of
    another account, also where its name is part of the other's.
    """
    for month, place in (
        (OCTOBER, "of/acme"),
        (NOVEMBER, "of/acme"),
        (NOVEMBER, "adjustment:EUR:of/acme"),
        (NOVEMBER, "of/acme2"),
        (NOVEMBER, "adjustment:EUR:more:of/acme"),
    ):
        shelf.decide(month, place, f"{month} {place}".encode())
    shelf.add(OCTOBER, "of/acme", "invoice.html", b"<p>")
    issued = S3IssuedInvoices(Bucket(s3, BUCKET))
    expected = ["2026-11 of/acme", "2026-11 adjustment:EUR:of/acme", "2026-10 of/acme"]
    assert [one.encode() for one in expected] == issued.documents("of/acme")
    assert [] == issued.documents("of/nobody")
    assert issued.file(OCTOBER, "of/acme", "invoice.html") == b"<p>"
    assert issued.file(OCTOBER, "of/acme", "invoice.csv") is None
