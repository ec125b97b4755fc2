"""Crossings: that a key's usage has reached a threshold of a limit, in a period. Pure.

What makes a crossing is the key, the metric, the period, the amount of the limit and the threshold; its id is
made of these. So a plan's new version publishes nothing again unless it changes the amount.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from metering.period import Period
from metering.quotas.plan import Limit
from metering.quotas.ports import KeyPlan, ThresholdCrossing

ID_LENGTH = 32


def crossings(key_plan: KeyPlan, limit: Limit, period: Period, used: int) -> Iterator[ThresholdCrossing]:
    """Each threshold of a limit that a period's usage has reached, the lowest first."""
    assignment, plan = key_plan
    for threshold in sorted(limit.thresholds):
        if used * 100 < limit.amount * threshold:
            return
        yield ThresholdCrossing(
            id=crossing_id(assignment.key, limit, period, threshold),
            key=assignment.key,
            account=assignment.account,
            plan=plan.name,
            plan_version=plan.version,
            metric=str(limit.metric),
            period=period,
            amount=limit.amount,
            kind=str(limit.kind),
            threshold=threshold,
            used=used,
            mail=assignment.mail,
        )


def crossing_id(key: str, limit: Limit, period: Period, threshold: int) -> str:
    """The id of a crossing: 32 hexadecimal digits."""
    parts = [key, limit.metric, period, limit.amount, threshold]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:ID_LENGTH]


def encode_crossing(crossing: ThresholdCrossing) -> str:
    """A crossing as JSON: what :func:`decode_crossing` reads."""
    return msgspec.json.encode(crossing._asdict()).decode()


def decode_crossing(text: str) -> ThresholdCrossing:
    """The crossing that :func:`encode_crossing` wrote."""
    document = ThresholdCrossing._field_defaults | msgspec.json.decode(text)
    return msgspec.convert([document[name] for name in ThresholdCrossing._fields], ThresholdCrossing)
