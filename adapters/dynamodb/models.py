"""Models of pynamodb: the items that are read and changed by hand, and by nothing that is on the hot path.

What is on it (counters, the ledger, leases, thresholds) is read and written by requests of its own, see
:mod:`adapters.dynamodb.table` and :mod:`adapters.dynamodb.hot_path.conditional_writes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import new_class
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import msgspec
from pynamodb.attributes import Attribute, NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.connection import Connection
from pynamodb.constants import STRING
from pynamodb.exceptions import AttributeDeserializationError, PynamoDBException
from pynamodb.models import Model

from adapters.dynamodb.layout import ACCOUNT_SK, DIGEST_SK, PLAN
from adapters.dynamodb.plan_content import read_assignment, read_plan, written
from adapters.errors import translate
from metering.errors import UnreadableItem
from metering.quotas.plan import Assignment, Plan

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

M = TypeVar("M", bound=Model)
C = TypeVar("C")

_MOST_SHOWN: Final = 80


class PlanAttribute(Attribute[Plan]):
    """A plan, as JSON."""

    attr_type = STRING

    def serialize(self, value: Plan) -> str:
        """The text that is stored."""
        return written(value)

    def deserialize(self, value: str) -> Plan:
        """The plan of a stored text.

        Raises:
            UnreadableItem: it holds none.
        """
        return _decoded(read_plan, value)


class AssignmentAttribute(Attribute[Assignment]):
    """The plan of a key, as JSON."""

    attr_type = STRING

    def serialize(self, value: Assignment) -> str:
        """The text that is stored."""
        return written(value)

    def deserialize(self, value: str) -> Assignment:
        """The plan of a key, of a stored text.

        Raises:
            UnreadableItem: it holds none.
        """
        return _decoded(read_assignment, value)


class PlanItem(Model):
    """A plan as it is now (`pk` is `plan`), or one of its versions."""

    class Meta:
        """Set to the deployment's table before use, by :func:`bound`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True, default=PLAN)
    sk = UnicodeAttribute(range_key=True)
    content = PlanAttribute()
    version = NumberAttribute()


class AssignmentItem(Model):
    """The plan of a key, or an entry of what was in force for a key or an account."""

    class Meta:
        """Set to the deployment's table before use, by :func:`bound`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    content = AssignmentAttribute()


class AccountItem(Model):
    """The plan of an account, if it has one, and all keys that ever belonged to it."""

    class Meta:
        """Set to the deployment's table before use, by :func:`bound`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True, default=ACCOUNT_SK)
    content = AssignmentAttribute(null=True)
    key_ids = UnicodeSetAttribute(attr_name="keys", null=True)


class DigestItem(Model):
    """Which key a caller has shown. The key itself is stored nowhere."""

    class Meta:
        """Set to the deployment's table before use, by :func:`bound`."""

        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True, default=DIGEST_SK)
    key_id = UnicodeAttribute()


def bound(model: type[M], table_name: str, dynamodb: DynamoDBClient) -> type[M]:
    """The model on a deployment's table. Its requests go through the boto3 client: with its endpoint, its
    credentials, its time-outs, and its hooks, by which tests bring faults about.

    It is a class of its own, so that two deployments can be read in one process.
    """
    where = {"table_name": table_name, "region": dynamodb.meta.region_name}
    made = cast(
        "type[M]",
        new_class(model.__name__, (model,), exec_body=lambda body: body.update(Meta=type("Meta", (), where))),
    )
    connection_of(made)._client = cast("Any", dynamodb)  # noqa: SLF001 - pynamodb has no other way in; it is pinned
    return made


def connection_of(model: type[Model]) -> Connection:
    """By which a bound model makes its requests; a transaction takes it."""
    return model._get_connection().connection  # noqa: SLF001 - as above


@contextmanager
def translated_model(place: str) -> Iterator[None]:
    """Whatever a model raises because of DynamoDB is raised as the meter's own error, and names the place.

    Raises:
        Transient, Misconfigured: by :func:`adapters.errors.translate`.
        UnreadableItem: an attribute is of another type than it should be.
    """
    try:
        yield
    except AttributeDeserializationError as error:
        raise UnreadableItem(f"of a {place}", str(error)) from error
    except PynamoDBException as error:
        reason = cause_of(error)
        raise translate(reason, place) from reason


def _decoded(read: Callable[[str], C], value: str) -> C:
    try:
        return read(value)
    except msgspec.MsgspecError as error:
        raise UnreadableItem(f"with the content {value[:_MOST_SHOWN]}", str(error)) from error


def cause_of(error: PynamoDBException) -> Exception:
    """What botocore had raised: pynamodb wraps it, and wraps what AWS answered once more."""
    wrapped = error.cause
    if wrapped is None:
        return error
    answer = wrapped.__cause__
    return answer if isinstance(answer, Exception) else wrapped
