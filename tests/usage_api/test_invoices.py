"""The invoices of the account that a key belongs to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from metering.period import Period
from metering.prices.tariff import Tariff
from metering.usage import Usage
from reconciliation.invoices.issue import Invoicing
from tests.metering.prices.builders import Document, flat, tariff, version
from tests.reconciliation.invoices.samples import Known, Shelves
from tests.usage_api.events import of_customer, of_operator
from tests.usage_api.test_app import Api
from usage_api.costs import NO_TARIFF

OCTOBER = Period("2026-10")
INVOICE = "/me/invoices/{invoice}"
ACCOUNTS: dict[str, Document] = {
    "acme": {"keys": ["k1", {"key": "k3", "from": "2026-11"}], "plan": "pro"},
    "globex": {"keys": ["k2", {"key": "k3", "until": "2026-11"}], "plan": "pro"},
}
FORMS = [
    ("application/json", "invoice.json"),
    ("text/csv", "invoice.csv"),
    ("text/html", "invoice.html"),
    ("image/png", "invoice.json"),
]

Kept = dict[tuple[Period, str, str], bytes]


def prices() -> Tariff:
    """A key that has left one account for the other at the end of October."""
    return tariff({"pro": [version(flat("0.10"))]}, ACCOUNTS, default_plan="pro")


@pytest.fixture(scope="module")
def issued() -> Kept:
    """What is kept of the invoices of October."""
    known, shelf = Known(), Shelves()
    for key, calls in (("k1", 20), ("k2", 30), ("k3", 40), ("k9", 50)):
        known.add(OCTOBER, key, Usage(calls, calls))
    Invoicing(known, shelf).invoice(OCTOBER, prices())
    return shelf.kept


@pytest.fixture
def api(issued: Kept) -> Api:
    """The API in November."""
    return Api(invoices=issued, prices=prices())


def listed(api: Api, key: str) -> list[tuple[str, str]]:
    """Name and amount of each invoice in the list of a customer."""
    invoices = api.json(of_customer(key, "/me/invoices"))["invoices"]
    return [(one["invoice"], one["amount_due"]) for one in invoices]


def test_list(api: Api) -> None:
    """A customer sees the invoices of the account of the key that was shown, an operator those of any key; a
    key without an account is its own.
    """
    assert [("2026-10", "2.00")] == listed(api, "k1")
    assert [("2026-10", "7.00")] == listed(api, "k2")
    assert [("2026-10", "5.00")] == listed(api, "k9")
    own = api.json(of_customer("k1", "/me/invoices"))
    assert own == api.json(of_operator("/keys/{id}/invoices", id="k1"))


def test_the_account_of_now(api: Api) -> None:
    """Whoever has a key that changed accounts sees the invoices of the account that pays for it now, and not
    the one that its October calls are on.
    """
    assert listed(api, "k1") == listed(api, "k3")
    assert "globex" not in api(of_customer("k3", INVOICE, invoice="2026-10"))["body"]


@pytest.mark.parametrize(("accept", "name"), FORMS)
def test_document(api: Api, issued: Kept, accept: str, name: str) -> None:
    """Each form is the file that was kept when the invoice was issued, byte for byte, to be saved."""
    answer = api(of_customer("k1", INVOICE, invoice="2026-10", headers={"accept": accept}))
    assert issued[OCTOBER, "acme", name] == answer["body"].encode()
    saved = name.replace("invoice", "invoice-2026-10")
    assert f'attachment; filename="{saved}"' == answer["headers"]["Content-Disposition"]
    assert "no-store" == answer["headers"]["Cache-Control"]
    again = {"accept": accept, "if-none-match": answer["headers"]["ETag"]}
    assert 304 == api(of_customer("k1", INVOICE, invoice="2026-10", headers=again))["statusCode"]


@pytest.mark.parametrize("name", ["2026-09", "2026-10-EUR"])
def test_no_such_invoice(api: Api, name: str) -> None:
    """A month without one, and a correction that there is none of."""
    assert 404 == api.problem(of_customer("k1", INVOICE, invoice=name))[0]


def test_for_operators(api: Api) -> None:
    """The invoice of any key's account is for operators alone."""
    resource, names = "/keys/{id}/invoices/{invoice}", {"id": "k2", "invoice": "2026-10"}
    assert 403 == api.problem(of_customer("k1", resource, **names))[0]
    assert "globex" in api(of_operator(resource, **names))["body"]


def test_never_sent(issued: Kept) -> None:
    """What keeps that nothing is due is no invoice: it is in no list, and cannot be read."""
    content: dict[str, Any] = json.loads(issued[OCTOBER, "acme", "invoice.json"])
    kept = {(OCTOBER, "acme", "invoice.json"): json.dumps(content | {"kind": "nothing_due"}).encode()}
    api = Api(invoices=kept, prices=prices())
    assert [] == listed(api, "k1")
    assert 404 == api.problem(of_customer("k1", INVOICE, invoice="2026-10"))[0]


def test_no_tariff(issued: Kept) -> None:
    """Nobody knows then whose a key is."""
    api = Api(invoices=issued)
    assert NO_TARIFF == api.json(of_customer("k1", "/me/invoices"))["reason"]
    assert 404 == api.problem(of_customer("k1", INVOICE, invoice="2026-10"))[0]


def test_as_a_table(api: Api) -> None:
    """A row for each invoice."""
    body = api(of_customer("k1", "/me/invoices", headers={"accept": "text/csv"}))["body"]
    assert "acme,2026-10,2026-10,invoice,,,2.00,2.00," in body
