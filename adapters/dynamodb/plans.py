"""Plans, the plans of keys, and the digests of keys, in the counters table: to be read and changed by hand.

Each change is one request; a plan's new version and its place as the current one are written together or not
at all.
"""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec
from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from adapters.dynamodb.layout import (
    ACCOUNT_SK,
    PLAN,
    PLAN_BUCKETS,
    account_pk,
    assignment_bucket,
    assignment_history_pk,
    assignment_pk,
    digest_pk,
    plan_versions_pk,
)
from adapters.dynamodb.models import (
    AccountItem,
    AssignmentItem,
    DigestItem,
    PlanItem,
    bound,
    connection_of,
    translated_model,
)
from metering.errors import Transient
from metering.quotas.plan import ACCOUNT_PREFIX, AccountKeys, Assignment, Plan, holder_of

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

ITEMS_OF_A_TRANSACTION: Final = 100
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
KEYS_OF_A_TRANSACTION: Final = ITEMS_OF_A_TRANSACTION // 3
"""Each with its plan, its history and its account."""
ACCOUNTS_OF_A_TRANSACTION: Final = ITEMS_OF_A_TRANSACTION // 2
"""Each with its plan and its history."""
MEMBERS_OF_A_TRANSACTION: Final = 10_000
"""Keys of these accounts: DynamoDB takes 4 MB."""
LAST_CHARACTER: Final = "\U0010ffff"
"""Of Unicode, and in the order of UTF-8, which is DynamoDB's."""
TRANSACTION_CANCELLED: Final = "TransactionCanceledException"


class KeysPage(NamedTuple):
    """Some keys that have a plan, in the order of their ids, and whether more follow."""

    assignments: Sequence[Assignment]
    has_more: bool


class InForceEntry(NamedTuple):
    """What was in force for a key, from a time on (epoch seconds) until the next entry."""

    at: float
    assignment: Assignment


class PlanBook:
    """The plans and who has which."""

    def __init__(
        self, table_name: str, dynamodb: DynamoDBClient, clock: Callable[[], float] = time.time
    ) -> None:
        """`clock` gives epoch seconds: when a change was made is kept with it."""
        self._table_name = table_name
        self._clock = clock
        self._plans = bound(PlanItem, table_name, dynamodb)
        self._assignments = bound(AssignmentItem, table_name, dynamodb)
        self._accounts = bound(AccountItem, table_name, dynamodb)
        self._digests = bound(DigestItem, table_name, dynamodb)

    def plans(self) -> dict[str, Plan]:
        """All plans as they stand, by name.

        Raises:
            Transient, Misconfigured: they cannot be read; so do the other methods.
        """
        return {plan.name: plan for plan in self._contents(PLAN)}

    def plan(self, name: str) -> Plan | None:
        """A plan as it is now; None: there is none of that name."""
        return next(self._contents(PLAN, PlanItem.sk == name), None)

    def versions(self, name: str) -> list[Plan]:
        """All versions of a plan, the first one first."""
        return list(self._contents(plan_versions_pk(name)))

    def put_plan(self, plan: Plan, current: Plan | None) -> None:
        """Write a new version of a plan whose current one is `current` (None: there is none).

        Raises:
            Transient: somebody else has changed the plan meanwhile.
        """
        still = PlanItem.pk.does_not_exist() if current is None else PlanItem.version == current.version
        version_pk, version_sk = plan_versions_pk(plan.name), f"{plan.version:09d}"
        with translated_model(f"TransactWriteItems of {self._table_name}"):
            try:
                with TransactWrite(connection=connection_of(self._plans)) as both:
                    both.save(
                        self._plans(PLAN, plan.name, content=plan, version=plan.version), condition=still
                    )
                    both.save(self._plans(version_pk, version_sk, content=plan, version=plan.version))
            except TransactWriteError as error:
                if error.cause_response_code != TRANSACTION_CANCELLED:
                    raise
                raise Transient(
                    f"plan {plan.name} was changed by somebody else meanwhile; try again"
                ) from error

    def assignments(self) -> Iterator[Assignment]:
        """The plans of all keys, in no order."""
        for bucket in range(PLAN_BUCKETS):
            yield from self._assigned(assignment_bucket(bucket))

    def page(self, limit: int, after: str = "", prefix: str = "") -> KeysPage:
        """At most `limit` keys that come after a key, in the order of their ids; with a prefix only those
        whose id begins with it. A merge of all buckets, each read in small pieces, of about twice what falls
        to a bucket.
        """
        if prefix and after >= prefix + LAST_CHARACTER:
            return KeysPage([], has_more=False)
        piece = 2 * limit // PLAN_BUCKETS + 2
        later = _between(after, prefix)
        buckets = (self._assigned(assignment_bucket(bucket), later, piece) for bucket in range(PLAN_BUCKETS))
        found = list(islice(merge(*buckets, key=lambda one: one.key.encode()), limit + 1))
        return KeysPage(found[:limit], has_more=len(found) > limit)

    def assignment(self, key: str) -> Assignment | None:
        """The plan of a key; None: it has none."""
        return next(self._assigned(assignment_pk(key), AssignmentItem.sk == key), None)

    def assignments_of(self, keys: Iterable[str]) -> dict[str, Assignment | None]:
        """The plans of several keys; None: it has none. By a request for each hundred."""
        wanted = list(dict.fromkeys(keys))
        places = [(assignment_pk(key), key) for key in wanted]
        with translated_model(f"BatchGetItem of {self._table_name}"):
            items = self._assignments.batch_get(places, consistent_read=True)
            found = {item.sk: item.content for item in items}
        return {key: found.get(key) for key in wanted}

    def assign(self, assignment: Assignment) -> None:
        """Give a key a plan, or change how it has it. What was in force before stays in the key's history,
        and the key belongs to its account for ever.
        """
        self.assign_all([assignment])

    def assign_all(self, assignments: Iterable[Assignment]) -> None:
        """The same for several keys, each with its history or not at all: by a request for each 33."""
        changes = iter(assignments)
        while several := list(islice(changes, KEYS_OF_A_TRANSACTION)):
            members: dict[str, set[str]] = defaultdict(set)
            with self._together() as writes:
                for one in several:
                    writes.save(self._assignments(assignment_pk(one.key), one.key, content=one))
                    writes.save(self._entry(one))
                    if one.account:
                        members[one.account].add(one.key)
                for account, keys in members.items():
                    writes.update(
                        self._accounts(account_pk(account)), actions=[AccountItem.key_ids.add(keys)]
                    )

    def account(self, name: str) -> AccountKeys | None:
        """An account with its keys; None: nobody has ever belonged to it, and it has no plan."""
        with translated_model(f"Query of {self._table_name}"):
            found = self._accounts.query(account_pk(name), AccountItem.sk == ACCOUNT_SK, consistent_read=True)
            item = next(found, None)
        return None if item is None else AccountKeys(name, item.content, frozenset(item.key_ids or ()))

    def accounts(self, names: Iterable[str]) -> dict[str, AccountKeys | None]:
        """Several accounts, by a request for each hundred."""
        wanted = {account_pk(name): name for name in names}
        with translated_model(f"BatchGetItem of {self._table_name}"):
            items = self._accounts.batch_get([(pk, ACCOUNT_SK) for pk in wanted], consistent_read=True)
            found = {wanted[item.pk]: item for item in items}
        return {
            name: AccountKeys(name, item.content, frozenset(item.key_ids or ())) if item else None
            for name in wanted.values()
            for item in (found.get(name),)
        }

    def assign_account(self, assignment: Assignment) -> None:
        """Give an account a plan, or change how it has it. All keys that were ever its own belong to it."""
        self.assign_accounts([assignment])

    def assign_accounts(self, assignments: Sequence[Assignment]) -> None:
        """The same for several accounts, by a request for each 50. The plans of all keys are read once."""
        members: dict[str, set[str]] = defaultdict(set)
        for one in self.assignments() if assignments else ():
            members[holder_of(one.account)].add(one.key)
        for several in _written_together(assignments, members):
            with self._together() as writes:
                for assignment in several:
                    actions: list[Action] = [AccountItem.content.set(assignment)]
                    if keys := members.get(assignment.key):
                        actions.append(AccountItem.key_ids.add(keys))
                    name = assignment.key.removeprefix(ACCOUNT_PREFIX)
                    writes.update(self._accounts(account_pk(name)), actions=actions)
                    writes.save(self._entry(assignment))

    def history(self, key: str) -> list[InForceEntry]:
        """All that was in force for a key, or :func:`metering.quotas.plan.holder_of` an account, in order."""
        with translated_model(f"Query of {self._table_name}"):
            return [
                InForceEntry(int(item.sk.split()[0]) / 1000, item.content)
                for item in self._assignments.query(assignment_history_pk(key), consistent_read=True)
            ]

    def _entry(self, assignment: Assignment) -> AssignmentItem:
        """What is in force from now on. It is kept for ever, and so without the customer's address."""
        assignment = msgspec.structs.replace(assignment, mail="")
        at = f"{int(self._clock() * 1000):015d} {uuid.uuid4().hex[:8]}"
        return self._assignments(assignment_history_pk(assignment.key), at, content=assignment)

    @contextmanager
    def _together(self) -> Iterator[TransactWrite]:
        """Writes that are made together or not at all."""
        with (
            translated_model(f"TransactWriteItems of {self._table_name}"),
            TransactWrite(connection=connection_of(self._assignments)) as writes,
        ):
            yield writes

    def know(self, digest: str, key: str) -> None:
        """Make known which key id a key with this digest has."""
        with translated_model(f"PutItem of {self._table_name}"):
            self._digests(digest_pk(digest), key_id=key).save()

    def know_all(self, digests: Mapping[str, str]) -> None:
        """The same for several keys, by their digests: by a request for each hundred."""
        changes = iter(digests.items())
        while several := list(islice(changes, ITEMS_OF_A_TRANSACTION)):
            with self._together() as writes:
                for digest, key in several:
                    writes.save(self._digests(digest_pk(digest), key_id=key))

    def forget(self, digest: str) -> None:
        """A caller who shows the key with this digest is unknown from now on."""
        with translated_model(f"DeleteItem of {self._table_name}"):
            self._digests(digest_pk(digest)).delete()

    def _contents(self, pk: str, keys: Condition | None = None) -> Iterator[Plan]:
        with translated_model(f"Query of {self._table_name}"):
            for item in self._plans.query(pk, keys, consistent_read=True):
                yield item.content

    def _assigned(
        self, pk: str, keys: Condition | None = None, piece: int | None = None
    ) -> Iterator[Assignment]:
        """The plans of keys in a bucket, by requests for so many at a time."""
        with translated_model(f"Query of {self._table_name}"):
            for item in self._assignments.query(pk, keys, consistent_read=True, page_size=piece):
                yield item.content


def _written_together(
    accounts: Iterable[Assignment], members: Mapping[str, set[str]]
) -> Iterator[list[Assignment]]:
    """Accounts in parts that fit one transaction each; one with very many keys is a part of its own."""
    some: list[Assignment] = []
    keys = 0
    for one in accounts:
        more = len(members.get(one.key, ()))
        if some and (len(some) == ACCOUNTS_OF_A_TRANSACTION or keys + more > MEMBERS_OF_A_TRANSACTION):
            yield some
            some, keys = [], 0
        some.append(one)
        keys += more
    if some:
        yield some


def _between(after: str, prefix: str) -> Condition | None:
    """Of the keys that begin with a prefix those that come after a key. DynamoDB takes one condition on a
    sort key: what begins with a prefix lies between it and the last text of that beginning.
    """
    if not prefix:
        return AssignmentItem.sk > after if after else None
    if after < prefix:
        return AssignmentItem.sk.startswith(prefix)
    return AssignmentItem.sk.between(f"{after}\0", prefix + LAST_CHARACTER)
