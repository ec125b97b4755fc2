"""`usage-meter verify` against a cloud that was played."""

import json
from pathlib import Path

from local_cloud.demo.run import Demo
from tests.cli.month_end.test_close import CALLS, MONTH, Typed, demo, played, typed

__all__ = ["demo", "played", "typed"]  # the fixtures


def test_verify(demo: Demo, typed: Typed, tmp_path: Path) -> None:
    """A sealed month that nobody changed is whole, by the head that was kept, too; one whose state changed
    is a problem, named, and stops the month's invoice in one sentence.
    """
    code, shown = typed("verify")
    assert (0, True) == (code, "0 links, 0 objects, the rows of 0 days. Head of the chain: 0:" in shown)
    assert 0 == typed("close", MONTH, "--yes")[0]
    out = tmp_path / "found.json"
    assert 0 == typed("verify", "--out", str(out))[0]
    found = json.loads(out.read_text())
    assert (2, 3, [], []) == (found["links"], found["objects"], found["faults"], found["notes"])
    assert found["days"]
    assert found["head"].startswith("2:")
    assert 0 == typed("verify", "--no-rows", "--head", found["head"])[0]
    code, shown = typed("verify", "--head", "2:" + "0" * 64)
    assert (1, True) == (code, "link 2 was altered" in shown)
    assert 2 == typed("verify", "--head", "seven")[0]

    s3, bucket, name = demo.cloud.client("s3"), demo.cloud.stack.name("LakeBucket"), f"closing/{MONTH}.json"
    state = json.loads(s3.get_object(Bucket=bucket, Key=name)["Body"].read())
    assert CALLS == state["total"]["requests"]
    s3.put_object(Bucket=bucket, Key=name, Body=json.dumps({**state, "keys": 7}).encode())
    code, shown = typed("verify")
    assert (1, True) == (code, f"{name} was altered: its SHA-256 was" in shown)
    code, shown = typed("close", MONTH)
    assert (1, True) == (code, f"the chain of what was billed is broken: {name} was altered" in shown), shown
