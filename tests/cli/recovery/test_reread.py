"""`usage-meter reread` and `backfill` against a cloud that was played with lines that its field map cannot
read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.deployment import Deployment
from local_cloud.demo.progress import DemoProgress
from local_cloud.demo.run import Demo, DemoSettings
from local_cloud.demo.source import from_file
from metering.billing_rule import BillingRule
from metering.line_format.field_map import parse_field_map
from tests.cli.month_end.test_close import MONTH, Typed, demo, stored, typed
from tests.factories import line

__all__ = ["demo", "typed"]  # the fixtures

MAP = "status=code|status"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A cloud with calls whose status has another name, of a month that is over."""
    path = tmp_path_factory.mktemp("log") / "access.jsonl"
    lines = [line(extendedRequestId=f"{number}=", status=None, code="200") for number in range(3)]
    path.write_text("\n".join([*lines, line(extendedRequestId="good="), "no line"]))
    log = from_file(path)
    with Demo(DemoSettings(log), DemoProgress(log.total)) as running:
        running.play()
        running.cloud.clock.release()
        running.settle()
        running.cloud.publish()
        yield running


@pytest.mark.exhaustive
def test_reread(demo: Demo, typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another field map is tried without any change; once it is deployed, the lines are brought in, and both
    sides agree; a backfill then finds nothing that the lake lacks.
    """
    before, out = stored(demo), tmp_path / "reread.json"
    code, shown = typed("reread", MONTH)
    assert (0, before) == (code, stored(demo))
    assert "4 malformed lines in the lake; of these, 0 would become calls, 4 left" in shown

    code, shown = typed("reread", MONTH, "--fields", MAP, "--out", str(out))
    assert (0, before) == (code, stored(demo)), shown
    assert "3 would become calls, 1 left" in shown
    assert ["d0e96b5f16", "2026-10-31", "no_status", "3"] in [row.split() for row in shown.splitlines()]
    assert ["no_json", "no_json", "1"] in [row.split() for row in shown.splitlines()]
    document = json.loads(out.read_text())
    assert (True, 3, 4, []) == tuple(document[name] for name in ("dry_run", "calls", "lines", "repaired"))

    assert 2 == typed("reread", MONTH, "--fields", MAP, "--yes")[0]
    code, shown = typed("reread", MONTH, "--fields", "nonsense")
    assert (2, True) == (
        code,
        shown.startswith("usage-meter: --fields: 'nonsense' is not a value and its field"),
    )
    monkeypatch.setattr(Deployment, "rule", BillingRule(fields=parse_field_map(MAP)))
    code, shown = typed("reread", MONTH, "--yes")
    assert 0 == code, shown
    assert "3 became calls, 1 left" in shown
    assert "4 counters set to the lake's figures" in shown
    assert 0 == typed("reconcile", MONTH)[0]
    code, shown = typed("reread", MONTH, "--yes")
    assert (0, True) == (code, "0 became calls, 1 left" in shown)

    out = tmp_path / "backfill.json"
    code, shown = typed("backfill", "--from", f"{MONTH}-31", "--yes", "--out", str(out))
    assert "5 lines in the log groups; 0 came into lake and counters, 0 left unchanged" in shown
    document = json.loads(out.read_text())
    assert (0, [], {}, [], []) == (
        code, *(document[name] for name in ("missing", "left", "gone", "repaired")),
    )  # fmt: skip
