"""The notes of recoveries in S3."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapters.s3.recoveries import S3Recoveries
from local_cloud.endpoint.server import LocalEndpoint
from metering.errors import Misconfigured
from metering.period import Period
from metering.proof.recovery import Recovery

FIFTH, LAST = Period("2026-10-05"), Period("2026-10-31")


def test_notes() -> None:
    """A note is kept until it is forgotten, under its own name; what is none is named."""
    note = Recovery(
        id="one",
        reason="lines read again",
        who="ops",
        begun_at=datetime(2026, 11, 2, tzinfo=UTC),
        raised={"a": {FIFTH, Period("2026-11-01")}},
        lowered={"!malformed": {LAST}},
    )
    assert {"a": {FIFTH}, "!malformed": {LAST}} == note.places(Period("2026-10"))
    assert ["2026-10", "2026-11"] == note.months
    with LocalEndpoint() as running:
        s3 = running.client("s3")
        s3.create_bucket(Bucket="lake")
        notes = S3Recoveries(s3, "lake")
        for _ in range(2):
            notes.keep(note)
        assert [note] == list(notes.all())
        assert ["recovery/one.json"] == [one["Key"] for one in s3.list_objects_v2(Bucket="lake")["Contents"]]
        for _ in range(2):
            notes.forget("one")
        assert [] == list(notes.all())
        s3.put_object(Bucket="lake", Key="recovery/two.json", Body=b"{}")
        with pytest.raises(Misconfigured, match=r"lake/recovery/two\.json is not the note"):
            list(notes.all())
