"""The tables, and how keys, slices and watermarks are written in them. The one definition of both.

Counters table, two items for each key, slice and period:

    pk                    sk             attributes
    key:<key id>          2026-11#0      the totals, d01 ... d31: requests of each day, w<shard>: watermarks
    key:<key id>          2026-11-05#0   the totals, h00 ... h23: requests of each hour, w<shard>: watermarks
    progress              <shard id>     position, arrived_at, n:<account>/<log group>: log events until there
    progress              complete       through, seen, cuts, open, version, restored: what the runs know
    source                state          content, version: what the watch knows of stages and log groups
    refused               batch          reason, at: why a batch of the stream was refused last
    settled               time           through: all from before is counted, and no batch was given up
    heaviest:2026-11      <shard id>     totals: requests of the keys that the shard saw have most; version
    slices                2026-11        numbers: the slices above 0 that counters of the month have
    links                 key            kid, secret: what signs links to the page

and what quotas need, in the same table:

    plan                  <name>         content, version: a plan as it is now
    plan:<name>           <version>      content: each version that there was
    plan-of:<bucket>      <key id>       plan, account, overrides, status, since: the plan of a key
    digest:<SHA-256>      key            key_id: which key a caller has shown
    lease:<key id>        requests/day   period, granted, leases, spent: of a limit that is reserved
    told:<key id>         2026-11        one for each threshold reached: claimed by a shard, or published
    untold                <event id>     content: a crossing that could not be published yet

and what was repaired, in the same table:

    repair:<key id>       2026-11-05#<report>  before, after, reason, report, who, at: an audit, never changed

and what shows that nothing of the chain of what was billed is cut off, in the same table:

    billing-chain         head           number, sha256: the last link

and of months whose counters of days are archived, in the same table:

    archives              2026-10        index, sha256, batches, moved, version, who: how much is out

Ledger table, one item for each time slot, lane and page:

    pk                    attributes
    <slot>/<lane>/<page>  claims: list of binary, size: bytes of claims, w<shard>: watermarks, expires_at
    layouts               entries: how slots and lanes are cut, each since a time of events
    stream                arn, created_at, first: the stream that the tables count, where it begins
    watch                 version: the highest of `progress`, `complete` that was ever written

Names before the first colon are the meter's own, so that no key id can meet another kind of item.
"""

from __future__ import annotations

import re
from typing import Final

from xxhash import xxh64_intdigest

from metering.period import Period, is_month

_SHARD_NUMBER = re.compile(r"shardId-(\d{12,})", re.ASCII)

KEY_PREFIX: Final = "key:"
PROGRESS: Final = "progress"
ARRIVED_PREFIX: Final = "n:"
COMPLETE: Final = "complete"
"""Sorts before the ids of all shards."""
SOURCE: Final = "source"
SOURCE_STATE: Final = "state"
REFUSED: Final = "refused"
REFUSED_BATCH: Final = "batch"
SETTLED: Final = "settled"
SETTLED_TIME: Final = "time"
HEAVIEST_PREFIX: Final = "heaviest:"
SLICES: Final = "slices"
LAYOUTS: Final = "layouts"
"""Of the ledger table. No page's key has no slash."""
PLAN: Final = "plan"
UNPUBLISHED: Final = "untold"
LINKS: Final = "links"
LINK_KEY: Final = "key"
CHAIN: Final = "billing-chain"
HEAD: Final = "head"
ARCHIVES: Final = "archives"
ACCOUNT_SK: Final = "account"
DIGEST_SK: Final = "key"
PLAN_BUCKETS: Final = 16
"""The plans of all keys lie in so many partitions: enough to be read at any rate, few enough to be listed."""


def counter_pk(key: str) -> str:
    """The partition key of all counters of an API key."""
    return KEY_PREFIX + key


def assignment_pk(key: str) -> str:
    """The partition key of a key's plan."""
    return assignment_bucket(xxh64_intdigest(key.encode("utf-8", "replace")) % PLAN_BUCKETS)


def assignment_bucket(number: int) -> str:
    """One of the :data:`PLAN_BUCKETS` partitions with the plans of keys."""
    return f"plan-of:{number:x}"


def account_pk(name: str) -> str:
    """The partition key of an account: its plan and its keys."""
    return f"account:{name}"


def assignment_history_pk(key: str) -> str:
    """The partition key of all that was in force for a key, at one time or another."""
    return f"history-of:{key}"


def plan_versions_pk(name: str) -> str:
    """The partition key of all versions of a plan."""
    return f"plan:{name}"


def digest_pk(digest: str) -> str:
    """The partition key of what a digest stands for."""
    return f"digest:{digest}"


def lease_pk(key: str) -> str:
    """The partition key of the leases of a key."""
    return f"lease:{key}"


def notifications_pk(key: str) -> str:
    """The partition key of the thresholds that were published for a key."""
    return f"told:{key}"


def heaviest_pk(month: Period) -> str:
    """The partition key of the heaviest keys of a month."""
    return HEAVIEST_PREFIX + month


def key_of_pk(pk: str) -> str:
    """The API key whose counter an item is."""
    return pk.removeprefix(KEY_PREFIX)


def counter_sk(period: Period, slice_number: int) -> str:
    """The sort key of a counter. `#` is in no period, and sorts before all that is: a month comes before its
    days.
    """
    return f"{period}#{slice_number}"


def part_attribute(period: Period, part: str) -> str:
    """The attribute with the requests of a day of a month, or of an hour of a day."""
    return ("d" if is_month(period) else "h") + part


def repair_pk(key: str) -> str:
    """The partition key of what was repaired of a key."""
    return f"repair:{key}"


def repair_sk(period: Period, report: str) -> str:
    """The sort key of a counter's repair: one for each report."""
    return f"{period}#{report}"


def ledger_pk(slot: int, lane: int, page: int) -> str:
    """The key of a page of the ledger."""
    return f"{slot}/{lane}/{page}"


def watermark_attribute(shard_id: str) -> str:
    """The attribute with a shard's watermark: `w12` for `shardId-000000000012`, to keep items small."""
    match = _SHARD_NUMBER.fullmatch(shard_id)
    return f"w{int(match.group(1))}" if match else f"w:{shard_id}"


def encode_position(position: int) -> bytes:
    """A position as bytes that compare as the numbers do: their count, then big-endian.

    Sequence numbers have up to 129 digits, DynamoDB's numbers 38; binaries compare by unsigned bytes.
    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_Record.html
    """
    length = (position.bit_length() + 7) // 8
    return bytes([length]) + position.to_bytes(length, "big")


def decode_position(encoded: bytes) -> int:
    """The position that :func:`encode_position` wrote."""
    return int.from_bytes(encoded[1:], "big")
