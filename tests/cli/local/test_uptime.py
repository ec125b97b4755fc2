"""A local cloud that stays up."""

import threading

import boto3
import pytest

from adapters.deployment import Deployment
from cli.common.terminal import console
from cli.local.uptime import show_address, stay_up
from local_cloud.api_gateway.lookup_server import LookUpServer
from local_cloud.stack import LocalCloud
from tests.cli.billing.exports import address_of, shown_at, use


def test_others_find_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With the lines that it prints, boto3 alone finds the stack and its log group; a browser the page."""
    with LocalCloud() as cloud, LookUpServer(cloud) as dashboard:
        show_address(console(), cloud, dashboard, of_log=True)
        shown = capsys.readouterr().out
        use(shown, monkeypatch)
        deployment = Deployment.of_stack(boto3.session.Session().client("cloudformation"), "usage-meter")
        assert 0 == shown_at(address_of(shown), "nobody")

    assert deployment.outputs["AccessLogGroupName"] in shown
    assert "usage-meter reconcile" in shown
    assert f"{dashboard.url}#/overview?month=" in shown


def test_it_ends_by_ctrl_c(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a traceback; what its pages show was added up before."""
    added_up: list[bool] = []

    def interrupt(_event: threading.Event, _seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Event, "wait", interrupt)
    stay_up(console(), lambda: added_up.append(True))

    assert [True] == added_up
    assert "Stopped; its data is gone." in capsys.readouterr().out
