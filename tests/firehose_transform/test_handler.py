"""The function as Lambda runs it: its answer, its metrics, its log, its settings."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

import pytest

from adapters.settings.functions import FirehoseTransformSettings
from adapters.telemetry import telemetry
from firehose_transform import handler as module
from firehose_transform.handler import Handler, make_handler
from local_cloud.lambda_.function import LambdaContext
from local_cloud.log_metrics import metrics_in
from metering.errors import Misconfigured
from tests.factories import SHARD, control_message, delivery, firehose_event, line, lines, sequence_number

CONTEXT = LambdaContext("firehose_transform", "arn:aws:lambda:::function:firehose_transform", "512", 0.0)


@pytest.fixture
def handle() -> Handler:
    """The function with the settings of the template."""
    settings = FirehoseTransformSettings.from_environment({})
    return make_handler(settings, telemetry("firehose_transform", "UsageMeter"))


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """The handler of the template in a new process, with its environment to set."""
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "UsageMeter")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "firehose_transform")
    module._deployed.cache_clear()  # noqa: SLF001 - as in a new process
    yield monkeypatch
    module._deployed.cache_clear()  # noqa: SLF001


class TestAnswer:
    def test_rows(self, handle: Handler) -> None:
        """The answer is JSON as it stands, with the rows of each delivery."""
        answer = json.loads(
            json.dumps(handle(firehose_event([delivery(lines(2)), control_message()]), CONTEXT))
        )
        assert ["Ok", "Dropped"] == [record["result"] for record in answer["records"]]
        assert 2 == len(base64.b64decode(answer["records"][0]["data"]).splitlines())


class TestTelemetry:
    def test_metrics(self, handle: Handler, capsys: pytest.CaptureFixture[str]) -> None:
        """What became of the event is metrics in the log; those of 0 too."""
        answer = handle(firehose_event([delivery([*lines(2), "no line"]), b"", control_message()]), CONTEXT)
        reported = {datum.name: datum.value for datum in metrics_in(capsys.readouterr().out)}
        assert {
            "Records": 3,
            "Rows": 3,
            "Malformed": 1,
            "RowBytes": len(base64.b64decode(answer["records"][0]["data"])),
            "Empty": 1,
            "Undecodable": 1,
            "TooLarge": 0,
            "Scattered": 0,
        } == reported

    def test_failures(self, handle: Handler, caplog: pytest.LogCaptureFixture) -> None:
        """The log names the records that go under the error prefix, and says why."""
        handle(firehose_event([delivery(lines(1)), b"no gzip"]), CONTEXT)
        (warning,) = caplog.records
        ((name, reason),) = warning.__dict__["undecodable"].items()
        assert ("WARNING", {}) == (warning.levelname, warning.__dict__["too_large"])
        assert f"{SHARD}:{sequence_number(1)}" == name
        assert reason.startswith("neither a delivery (gzip) nor an access-log line")

    def test_nothing_of_the_calls(
        self, handle: Handler, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """No word of a call goes into the log."""
        handle(firehose_event([delivery([line(apiKeyId="shop", userAgent="secret"), "secret"])]), CONTEXT)
        written = capsys.readouterr().out + caplog.text
        assert "RowBytes" in written
        assert "shop" not in written
        assert "secret" not in written


class TestDeployed:
    def test_environment(self, deployed: pytest.MonkeyPatch) -> None:
        """The handler of the template bills by its environment."""
        deployed.setenv("NOT_BILLABLE", "2xx")
        answer = module.handler(firehose_event([delivery(lines(1))]), CONTEXT)
        assert not json.loads(base64.b64decode(answer["records"][0]["data"]))["billable"]

    def test_misconfigured(self, deployed: pytest.MonkeyPatch) -> None:
        """With settings that cannot work nothing is begun."""
        deployed.setenv("NOT_BILLABLE", "6xx")
        with pytest.raises(Misconfigured, match=r"NOT_BILLABLE: '6xx' is neither a status"):
            module.handler(firehose_event([]), CONTEXT)
