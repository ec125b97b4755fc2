"""The models of pynamodb: they agree with the template, and share what the rest of the border has."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from pynamodb.models import Model

from adapters.dynamodb.models import AssignmentItem, DigestItem, PlanItem, bound
from adapters.dynamodb.plans import PlanBook
from adapters.dynamodb.table import quick_client
from local_cloud.endpoint.server import LocalEndpoint
from local_cloud.template.document import resource
from metering.errors import Misconfigured, Transient
from metering.quotas.plan import Assignment, Plan
from tests.tables import Tables, create_tables


@pytest.fixture(scope="module")
def tables() -> Iterator[Tables]:
    """The tables of a deployment."""
    with LocalEndpoint() as running:
        yield create_tables(running.endpoint_url)


@pytest.mark.parametrize("model", [PlanItem, AssignmentItem, DigestItem])
def test_template(model: type[Model]) -> None:
    """The models and the template agree on the keys and their types."""
    schema = resource("CountersTable")
    types = {one["AttributeName"]: one["AttributeType"] for one in schema["AttributeDefinitions"]}
    described = {
        attribute.attr_name: attribute.attr_type
        for attribute in model.get_attributes().values()
        if attribute.is_hash_key or attribute.is_range_key
    }
    assert types == described


def test_apart(tables: Tables) -> None:
    """Two deployments can be read in one process."""
    one, other = (bound(PlanItem, name, tables.dynamodb) for name in ("one", "other"))
    assert ("one", "other", "") == (
        one.Meta.table_name,
        other.Meta.table_name,
        PlanItem.Meta.table_name,
    )


def test_stored_attributes(tables: Tables) -> None:
    """What is stored has the names and the types that it always had."""
    book = PlanBook(tables.counters, tables.dynamodb)
    book.put_plan(Plan("free"), None)
    book.assign(Assignment("a1", "free", "acme"))
    book.know("abc", "a1")
    kinds = {
        (item["pk"]["S"].partition(":")[0], tuple(sorted((name, *value) for name, value in item.items())))
        for item in tables.items(tables.counters)
    }
    keys = (("pk", "S"), ("sk", "S"))
    plan = (("content", "S"), *keys, ("version", "N"))
    assert {
        ("plan", plan),
        ("plan-of", (("content", "S"), *keys)),
        ("history-of", (("content", "S"), *keys)),
        ("account", (("keys", "SS"), *keys)),
        ("digest", (("key_id", "S"), *keys)),
    } == kinds


def test_not_on_the_hot_path() -> None:
    """The functions that count and decide begin without pynamodb."""
    program = (
        "import sys, quota_authorizer.handler, stream_processor.handler; print('pynamodb' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "False\n" == done.stdout


class TestErrors:
    """Errors become the meter's own, through the client that the model was bound to."""

    def operations(self, book: PlanBook) -> dict[str, Any]:
        """Each operation, by DynamoDB's name of it."""
        return {
            "Query": [
                book.plans,
                lambda: book.page(3),
                lambda: book.plan("free"),
                lambda: book.assignment("a1"),
                lambda: book.account("acme"),
                lambda: book.history("a1"),
            ],
            "PutItem": [lambda: book.know("abc", "a1")],
            "DeleteItem": [lambda: book.forget("abc")],
            "TransactWriteItems": [
                lambda: book.put_plan(Plan("free"), None),
                lambda: book.assign(Assignment("a1", "free", "acme")),
            ],
        }

    def test_no_answer(self, tables: Tables) -> None:
        """DynamoDB that cannot be reached may be there later."""
        dynamodb = quick_client(**tables.where)

        def fail(request: Any, **_: Any) -> None:
            raise EndpointConnectionError(endpoint_url=request.url)

        dynamodb.meta.events.register("before-send.dynamodb", fail)
        for name, acts in self.operations(PlanBook(tables.counters, dynamodb)).items():
            for act in acts:
                with pytest.raises(Transient, match=f"^{name} of {tables.counters}") as raised:
                    act()
                assert isinstance(raised.value.__cause__, EndpointConnectionError)

    def test_refused(self, tables: Tables) -> None:
        """A table that is not there is named, and what AWS answered is kept whole."""
        for name, acts in self.operations(PlanBook("nowhere", tables.dynamodb)).items():
            for act in acts:
                with pytest.raises(Misconfigured, match=f"^{name} of nowhere") as raised:
                    act()
                assert isinstance(raised.value.__cause__, ClientError)
                assert 400 == raised.value.__cause__.response["ResponseMetadata"]["HTTPStatusCode"]
