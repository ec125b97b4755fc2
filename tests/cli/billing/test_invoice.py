"""`usage-meter invoice` against a cloud that was played."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from adapters.dynamodb.layout import counter_pk
from adapters.s3.month_states import S3Closings
from cli.billing import meters
from cli.common.errors import WRONG_USE, CommandError
from cli.main import app, main
from local_cloud.demo.progress import DemoProgress
from local_cloud.demo.run import Demo, DemoSettings
from local_cloud.demo.source import from_file
from metering.period import Period
from metering.proof.month_state import Closing, State
from metering.usage import Usage
from reconciliation.closing import encode_usage
from reconciliation.reconcile import Sources
from reconciliation.wiring import make_sources
from tests.dashboard import chromium
from tests.factories import line
from tests.reconciliation.chain_stores import forget_billing

MONTH = "2026-10"
NOBODYS = f"invoices/{MONTH}/unbilled%3A/invoice.json"
COPY = f"invoices/{MONTH}.jsonl.gz"
"""The list of the keys that nobody was billed for."""
SEALED_AT = datetime(2026, 11, 3, tzinfo=UTC)
TARIFF = """
currency: EUR
rounding: {digits: 2, mode: half_even}
plans:
  pro:
    - version: v1
      valid_from: 2026-01
      prices: [{metric: requests, model: flat, unit_price: 0.105}]
accounts:
  acme: {keys: [shop, "1234"], plan: pro, stripe_customer: cus_1}
  globex: {keys: [app], plan: pro}
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A cloud with calls of three keys, one of which nobody's."""
    path = tmp_path_factory.mktemp("log") / "access.jsonl"
    keys = ["shop"] * 21 + ["app"] * 4 + ["stray"] * 2 + ["-"] * 3
    path.write_text("\n".join(line(extendedRequestId=f"{n}=", apiKeyId=key) for n, key in enumerate(keys)))
    log = from_file(path)
    with Demo(DemoSettings(log), DemoProgress(log.total)) as running:
        running.play()
        running.settle()
        running.cloud.publish()
        yield running


@pytest.fixture(autouse=True)
def address(
    demo: Demo,
    monkeypatch: pytest.MonkeyPatch,
    own_environment: None,  # noqa: ARG001 - it comes first
) -> None:
    """The command finds the cloud by the usual settings, and the test vouches for both paths."""
    for name, value in demo.cloud.endpoint.environment.items():
        monkeypatch.setenv(name, value)

    def vouched(*arguments: Any) -> Sources:
        return make_sources(*arguments)._replace(counted=None, delivered=None)

    monkeypatch.setattr(meters, "make_sources", vouched)


@pytest.fixture(autouse=True)
def forget_invoices(demo: Demo) -> Iterator[None]:
    """Each test begins without invoices."""
    yield
    forget_billing(demo.cloud)


@pytest.fixture
def tariff(tmp_path: Path) -> Path:
    """A tariff of two accounts."""
    path = tmp_path / "tariff.yaml"
    path.write_text(TARIFF)
    return path


def invoke(*arguments: object) -> Result:
    """The command as it is typed in a script, which agrees beforehand."""
    return CliRunner().invoke(app, [*map(str, arguments), "--yes"], catch_exceptions=False)


def kept(demo: Demo, prefix: str = "invoices/") -> list[str]:
    """The objects of invoices in the bucket, or others."""
    answer = demo.cloud.client("s3").list_objects_v2(
        Bucket=demo.cloud.stack.name("LakeBucket"), Prefix=prefix
    )
    return [entry["Key"] for entry in answer.get("Contents", [])]


def test_issues_an_invoice_for_each_account(demo: Demo, tariff: Path, tmp_path: Path) -> None:
    """Each account has its three files in the bucket and in the folder; a key of nobody is named, and that is
    a problem.
    """
    shown = invoke("invoice", MONTH, "--tariff", tariff, "--out", tmp_path / "out", "--json")
    document = json.loads(shown.stdout)
    files = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))

    assert 1 == shown.exit_code, shown.stderr
    assert "On no invoice: 2026-10: key stray has no account" in shown.stderr
    assert [("acme", "2.20", True), ("globex", "0.42", True)] == [
        (one["account"], one["total"], one["is_new"]) for one in document["invoices"]
    ]
    assert [["stray"]] == [one["keys"] for one in document["unpriced"]]
    assert files == [
        f"2026-10/{account}/invoice.{kind}"
        for account in ("acme", "globex")
        for kind in ("csv", "html", "json")
    ]
    assert [COPY, *(f"invoices/{name}" for name in files), NOBODYS] == kept(demo)


@pytest.mark.exhaustive
def test_the_same_input_gives_the_same_bytes(demo: Demo, tariff: Path, tmp_path: Path) -> None:
    """Issued anew after all was forgotten, and reported again while it is there: always the same files."""
    outs = [tmp_path / name for name in ("first", "issued again", "issued anew")]
    for number, out in enumerate(outs):
        if number == 2:
            forget_billing(demo.cloud)
        invoke("invoice", MONTH, "--tariff", tariff, "--out", out)
    files = [{path.name: path.read_bytes() for path in sorted(out.rglob("acme/*"))} for out in outs]

    assert 3 == len(files[0])
    assert files[0] == files[1] == files[2]


@pytest.mark.exhaustive
def test_another_tariff_changes_no_issued_invoice(tariff: Path) -> None:
    """What is issued stands; that this run came to something else is said."""
    invoke("invoice", MONTH, "--tariff", tariff)
    tariff.write_text(TARIFF.replace("0.105", "0.2"))
    shown = invoke("invoice", MONTH, "--tariff", tariff, "--account", "acme", "--json")
    [invoice] = json.loads(shown.stdout)["invoices"]

    assert ("2.20", False, False) == (invoice["total"], invoice["is_new"], invoice["is_as_computed"])
    assert "1 invoice already issued from other usage or another tariff, and not changed" in shown.stderr


def test_one_account(demo: Demo, tariff: Path) -> None:
    """Only the account that is named gets an invoice; one that is not in the tariff is refused."""
    invoke("invoice", MONTH, "--tariff", tariff, "--account", "globex")
    files = [f"invoices/{MONTH}/globex/invoice.{kind}" for kind in ("csv", "html", "json")]
    assert [COPY, *files, NOBODYS] == kept(demo)
    with pytest.raises(CommandError, match=r"nobody is not an account of .* which has acme, globex"):
        invoke("invoice", MONTH, "--tariff", tariff, "--account", "nobody")


def test_a_tariff_with_faults_is_wrong_use(tariff: Path) -> None:
    """Every fault is reported, and nothing is asked of AWS."""
    tariff.write_text(TARIFF.replace("EUR", "euro").replace("pro, stripe", "per, stripe"))
    with pytest.raises(CommandError) as refused:
        invoke("invoice", MONTH, "--tariff", tariff)
    assert "'euro' is not a currency" in str(refused.value)
    assert "plan 'per' is not a plan of this tariff; it has pro" in str(refused.value)
    assert WRONG_USE == refused.value.exit_code


def test_a_month_that_differs_is_refused(demo: Demo, tariff: Path, tmp_path: Path) -> None:
    """Nothing is issued while counters and lake differ; drafts are made on request, marked, and not kept."""
    change_counter(demo, 1)
    try:
        with pytest.raises(CommandError, match=r"2026-10: the counters and the lake differ in \d+ places?"):
            invoke("invoice", MONTH, "--tariff", tariff)
        shown = invoke("invoice", MONTH, "--tariff", tariff, "--unproven", "--out", tmp_path / "out")
        with pytest.raises(CommandError, match="Drafts are not exported to Stripe"):
            invoke("invoice", MONTH, "--tariff", tariff, "--unproven", "--export", "stripe", tmp_path / "e")
    finally:
        change_counter(demo, -1)
    [draft] = (tmp_path / "out").rglob("acme/invoice.json")
    document = json.loads(draft.read_text())

    assert "Nothing was issued: these are drafts." in shown.stdout
    assert [] == kept(demo)
    assert document["id"].startswith("draft-2026-10-")
    assert 1 == len(document["draft"])
    assert "A draft: nothing was issued." in draft.with_suffix(".html").read_text()


PAPER = """
invoices:
  seller: {name: Example Ltd, address: [1 Street, Town], tax_id: DE1}
  numbers: {invoices: "INV-", credit_notes: "CN-"}
  tax: [{name: VAT, percent: 20}]
"""


def test_a_document_that_finance_can_send(demo: Demo, tariff: Path, tmp_path: Path) -> None:
    """A draft of a month that is not closed issues nothing and uses up no number; then numbers are given, and
    one table has all accounts.
    """
    tariff.write_text(TARIFF + PAPER)
    out, table = tmp_path / "out", tmp_path / "october.csv"
    shown = invoke("invoice", MONTH, "--tariff", tariff, "--draft", "--out", out, "--table", table)
    assert "Draft: it was made as a draft, as requested" in shown.stdout
    assert [] == kept(demo)
    assert b"acme" in table.read_bytes()
    try:
        invoke("invoice", MONTH, "--tariff", tariff, "--table", tmp_path / "october.json")
    finally:
        for key in kept(demo, "numbers/"):
            demo.cloud.client("s3").delete_object(Bucket=demo.cloud.stack.name("LakeBucket"), Key=key)
    document = json.loads((tmp_path / "october.json").read_text())
    assert [("acme", "INV-000001", "2.64"), ("globex", "INV-000002", "0.50")] == [
        (one["account"], one["number"], one["amount_due"]) for one in document["documents"]
    ]


@pytest.mark.exhaustive
def test_printed(tariff: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page is printed by the browser of the machine, as one page; without one, that is said first."""
    typed = ("invoice", MONTH, "--tariff", tariff, "--draft", "--account", "acme", "--pdf")
    assert 2 == invoke(*typed).exit_code
    chromium.require()
    invoke(*typed, "--out", tmp_path / "out")
    pdf = (tmp_path / "out" / MONTH / "acme" / "invoice.pdf").read_bytes()
    assert 1 == len(re.findall(rb"/Type\s*/Page\b", pdf))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match="There is no browser to print the PDF: install one of chromium"):
        invoke(*typed, "--out", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_running_month_is_refused(tariff: Path) -> None:
    """A month that is not over is not complete, and says what can be done."""
    with pytest.raises(CommandError, match=r"9998-08: the month ends on 9998-09-01\..*--allow-incomplete"):
        invoke("invoice", "9998-08", "--tariff", tariff)
    shown = invoke("invoice", "9998-08", "--tariff", tariff, "--allow-incomplete")
    assert "these are drafts" in shown.stdout


@pytest.mark.exhaustive
def test_an_edited_price_is_refused(tariff: Path) -> None:
    """A month that was billed is billed again for a reason only."""
    invoke("invoice", MONTH, "--tariff", tariff)
    tariff.write_text(TARIFF.replace("0.105", "0.2"))
    november = ("invoice", "2026-11", "--tariff", tariff, "--allow-incomplete")
    with pytest.raises(CommandError, match=r"acme: it was billed by plan pro, version v1(.|\n)*\+2\.00 EUR"):
        invoke(*november)
    assert "these are drafts" in invoke(*november, "--reprice", "a slip").stdout
    assert 2 == invoke(*november, "--reprice", " ").exit_code


def test_export_as_json(tariff: Path, tmp_path: Path) -> None:
    """The export holds the documents as they were issued, and what is on none."""
    invoke("invoice", MONTH, "--tariff", tariff, "--out", tmp_path, "--export", "json", tmp_path / "e.json")
    exported = json.loads((tmp_path / "e.json").read_text())
    issued = json.loads((tmp_path / MONTH / "acme" / "invoice.json").read_text())

    assert ("usage-meter/invoices/1", MONTH) == (exported["format"], exported["month"])
    assert issued == exported["invoices"][0]
    assert [None] == [one["account"] for one in exported["unpriced"]]


def test_export_to_stripe(tariff: Path, tmp_path: Path) -> None:
    """A line for each event; an account that Stripe does not know is named."""
    shown = invoke("invoice", MONTH, "--tariff", tariff, "--export", "stripe", tmp_path / "e.jsonl")
    [event] = [json.loads(one) for one in (tmp_path / "e.jsonl").read_text().splitlines()]

    assert 1 == shown.exit_code
    assert "Not exported: account globex has no stripe_customer" in shown.stdout
    assert ("api_requests", {"stripe_customer_id": "cus_1", "value": "21"}) == (
        event["event_name"], event["payload"],
    )  # fmt: skip


def test_rehearsal(demo: Demo, tariff: Path, tmp_path: Path) -> None:
    """Who pays more or less by another tariff, with their distribution; nothing is issued."""
    other = tmp_path / "other.yaml"
    other.write_text(TARIFF.replace("unit_price: 0.105", "unit_price: 0.15, free_units: 10"))
    shown = invoke("invoice", MONTH, "--tariff", tariff, "--rehearse", other, "--json")
    document = json.loads(shown.stdout)

    assert 0 == shown.exit_code
    assert [] == kept(demo)
    assert ["acme", "2.20", "1.65", "-0.55", "EUR"] in [row.split() for row in shown.stderr.splitlines()]
    assert "0 pay more, 2 less, 0 the same. Nothing was issued." in shown.stderr
    assert {"- over 50 %": 1, "- up to 50 %": 1} == {b: n for b, n in document["distribution"].items() if n}
    assert {"EUR": "-0.97"} == document["change"]
    assert 2 == shown.stderr.count("█" * 40)


def test_a_rehearsal_in_another_currency(tariff: Path, tmp_path: Path) -> None:
    """Amounts of two currencies are not compared."""
    other = tmp_path / "other.yaml"
    other.write_text(TARIFF.replace("EUR", "USD"))
    with pytest.raises(CommandError, match="pays in EUR now, and in USD by the proposal"):
        invoke("invoice", MONTH, "--tariff", tariff, "--rehearse", other)


def test_a_rehearsal_issues_nothing(tariff: Path) -> None:
    """What would write invoices does not go with it."""
    shown = invoke("invoice", MONTH, "--tariff", tariff, "--rehearse", tariff, "--out", "x")
    assert 2 == shown.exit_code
    assert "leave out --out and --export" in " ".join(shown.stderr.replace("│", " ").split())


def test_a_month_after_a_gap_is_refused(tariff: Path) -> None:
    """Adjustments need the months in their order."""
    invoke("invoice", MONTH, "--tariff", tariff)
    with pytest.raises(CommandError, match="2026-11 has no invoices yet: run `usage-meter invoice 2026-11`"):
        invoke("invoice", "2026-12", "--tariff", tariff, "--allow-incomplete")


def test_shows_what_it_issues_and_asks(
    demo: Demo, tariff: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a terminal and --yes nothing is issued. What was issued before is shown without a question."""
    typed = ["invoice", MONTH, "--tariff", str(tariff)]
    monkeypatch.setattr("sys.argv", ["usage-meter", *typed])
    assert 2 == main()
    shown = capsys.readouterr()
    assert "confirm with --yes. Nothing was written" in shown.err
    assert ["acme", "2.20", "0.00", "2.20", "EUR"] in [line.split() for line in shown.out.splitlines()]
    assert [] == kept(demo)
    invoke(*typed)
    again = CliRunner().invoke(app, typed, catch_exceptions=False)
    assert (1, True) == (again.exit_code, "issued before" in again.stdout)


def test_a_month_without_calls_is_invoiced_only_when_confirmed(demo: Demo, tariff: Path) -> None:
    """Minimums are not billed for a wrong month or a wrong stack."""
    with pytest.raises(CommandError, match=r"2026-02 has no calls: .* --empty. Nothing was issued"):
        invoke("invoice", "2026-02", "--tariff", tariff)
    assert [] == kept(demo)


def change_counter(demo: Demo, requests: int) -> None:
    """As no part of the meter does."""
    demo.cloud.client("dynamodb").update_item(
        TableName=demo.cloud.stack.name("CountersTable"),
        Key={"pk": {"S": counter_pk("shop")}, "sk": {"S": f"{MONTH}#0"}},
        UpdateExpression="ADD requests :requests",
        ExpressionAttributeValues={":requests": {"N": str(requests)}},
    )


def test_a_sealed_month(demo: Demo, tariff: Path, tmp_path: Path) -> None:
    """It is billed by the usage as sealed, and names the report; what came since, with the next invoice."""
    store = S3Closings(demo.cloud.client("s3"), demo.cloud.stack.name("LakeBucket"))
    frozen = encode_usage([("shop", Usage(20, 20)), ("app", Usage(4, 4))])
    digest = sha256(frozen).hexdigest()
    state = Closing(
        month=Period(MONTH),
        state=State.SEALED,
        begun_at=SEALED_AT,
        begun_by="me",
        report="run-7",
        agrees=True,
        missing=[],
        differences=0,
        usage=store.keep(Period(MONTH), "usage", digest, frozen),
        digest=digest,
    )
    assert store.begin(state)
    invoke("invoice", MONTH, "--tariff", tariff, "--out", tmp_path)
    document = json.loads((tmp_path / MONTH / "acme" / "invoice.json").read_text())

    assert ("2.10", "run-7") == (document["total"], document["sources"][0]["report"])
    assert "run-7" in (tmp_path / MONTH / "acme" / "invoice.html").read_text()
