"""`usage-meter estimate`, as it is typed."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from cli.main import main

CALLS = ["estimate", "--calls-per-month", "2628000000", "--keys", "1000"]


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of the command."""
    monkeypatch.setattr("sys.argv", ["usage-meter", *arguments])
    try:
        return main()
    except SystemExit as end:
        return int(end.code or 0)


class TestCommand:
    def test_numbers_as_people_type_them(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Separators and letters give the same estimate as digits."""
        assert 0 == run(CALLS, monkeypatch)
        plain = capsys.readouterr().out
        for calls, keys in (("2,628,000,000", "1,000"), ("2628M", "1k")):
            assert 0 == run(["estimate", "--calls-per-month", calls, "--keys", keys], monkeypatch)
            assert plain == capsys.readouterr().out

    def test_tables(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """Needs and costs, beside API Gateway's own bill, with the date of the prices."""
        assert 0 == run(CALLS, monkeypatch)
        shown = capsys.readouterr().out
        for words in (
            "shards",
            "write units a second",
            "headroom",
            "DynamoDB",
            "6,907.74",
            "2,395.20",
            "us-east-1, 2026-",
        ):
            assert words in shown

    def test_json(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """The same as JSON; money is text."""
        path = tmp_path / "estimate.json"
        assert 0 == run([*CALLS, "--window", "30", "--meters", "2", "--out", str(path)], monkeypatch)
        found = json.loads(path.read_text())
        assert [30, 2] == [found["workload"]["window_seconds"], found["meters"]]
        assert "6907.74" == found["api_gateway"]
        services = sum(map(Decimal, found["cost_by_service"].values()))
        assert abs(services - Decimal(found["cost"])) < Decimal("0.10")

    def test_settings(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """What a parameter of the template costs, an option shows."""
        path = tmp_path / "estimate.json"
        costs = []
        for options in (
            [],
            ["--on-demand"],
            ["--retention-hours", "168"],
            ["--full-monitoring"],
            ["--tracing"],
            ["--encrypt-topics"],
        ):
            small = ["estimate", "--calls-per-month", "1000000", "--keys", "10", "--out", str(path)]
            assert 0 == run([*small, *options], monkeypatch)
            costs.append(Decimal(json.loads(path.read_text())["cost"]))
        assert all(cost > costs[0] for cost in costs[1:])

    def test_own_price_list(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """A list that lacks a price is refused, and so is a file that is none: wrong use, exit code 2."""
        for content in ("region: eu-west-1", "{", "region: x\ncurrency: EUR\nas_of: 2026-11-24\nprices: {}"):
            path = tmp_path / "prices.yaml"
            path.write_text(content)
            assert 2 == run([*CALLS, "--price-list", str(path)], monkeypatch)

    def test_wrong_use(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A window that the template refuses is refused here, too."""
        assert 2 == run([*CALLS, "--window", "121"], monkeypatch)
        assert 2 == run(["estimate", "--calls-per-month", "0", "--keys", "1"], monkeypatch)
