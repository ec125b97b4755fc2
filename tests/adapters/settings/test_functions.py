"""The environment: typed, complete, and wrong in one go."""

from __future__ import annotations

import pytest

from adapters.deployment import Deployment
from adapters.settings.functions import FirehoseTransformSettings, StreamProcessorSettings
from local_cloud.template.document import Stack
from local_cloud.template.intrinsics import STACK_UUID
from metering.calls.privacy import PersonalData, Treatment
from metering.errors import Misconfigured

STACK_ID = f"arn:aws:cloudformation:us-east-1:123456789012:stack/usage-meter/{STACK_UUID}"
ENOUGH = {"COUNTERS_TABLE": "counters", "LEDGER_TABLE": "ledger"}


class TestStreamProcessorSettings:
    def test_template(self) -> None:
        """Every variable that the template sets is read, to the value that it means."""
        stack = Stack({"LedgerLanes": 3, "WriteConcurrency": 5, "NotBillable": "404"})
        settings = StreamProcessorSettings.from_environment(stack.environment("StreamProcessorFunction"))
        assert (stack.name("CountersTable"), stack.name("LedgerTable")) == (
            settings.counters_table,
            settings.ledger_table,
        )
        assert (3, 5, 5) == (
            settings.ledger_lanes,
            settings.write_concurrency,
            settings.ledger_slot_seconds,
        )
        assert frozenset({404}) == settings.rule.exempt

    def test_defaults(self) -> None:
        """Only the names of the tables have no default."""
        settings = StreamProcessorSettings.from_environment(ENOUGH)
        assert (1, 5, 8) == (settings.ledger_lanes, settings.ledger_slot_seconds, settings.write_concurrency)
        assert 200 not in settings.rule.exempt
        assert 503 in settings.rule.exempt

    def test_all_faults_at_once(self) -> None:
        """What is missing or wrong is named, all of it, before any work."""
        variables = {
            "COUNTERS_TABLE": "",
            "LEDGER_LANES": "many",
            "LEDGER_SLOT_SECONDS": "0",
            "NOT_BILLABLE": "4xx,teapot",
        }
        with pytest.raises(Misconfigured) as caught:
            StreamProcessorSettings.from_environment(variables)
        assert (
            "COUNTERS_TABLE is not set",
            "LEDGER_TABLE is not set",
            "LEDGER_LANES is 'many', which is not an integer",
            "LEDGER_SLOT_SECONDS is 0; it must be from 1 to 86400",
            "NOT_BILLABLE: 'teapot' is neither a status (429) nor a class of statuses (5xx)",
        ) == caught.value.faults

    def test_own_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without variables given, the process's own are read."""
        for name, value in ENOUGH.items():
            monkeypatch.setenv(name, value)
        assert "counters" == StreamProcessorSettings.from_environment().counters_table


class TestFirehoseTransformSettings:
    def test_template(self) -> None:
        """It bills by the rule of the counters."""
        variables = Stack().environment("FirehoseTransformFunction")
        assert 429 in FirehoseTransformSettings.from_environment(variables).rule.exempt

    def test_fault(self) -> None:
        """A rule that is none is refused."""
        with pytest.raises(Misconfigured, match="NOT_BILLABLE"):
            FirehoseTransformSettings.from_environment({"NOT_BILLABLE": "9xx"})


class TestPersonalData:
    """What the lake keeps of callers: one choice and one key, for the transform and for what is redriven."""

    @pytest.mark.parametrize("choice", ["keep", "hash", "drop"])
    def test_same_everywhere(self, choice: str) -> None:
        """What is redriven is treated as the function would have treated it."""
        variables = Stack({"PersonalData": choice}).environment("FirehoseTransformFunction")
        deployment = Deployment({}, {"PersonalData": choice}, STACK_ID)
        assert FirehoseTransformSettings.from_environment(variables).personal == deployment.personal
        assert PersonalData(Treatment(choice), STACK_UUID.encode()) == deployment.personal

    def test_default(self) -> None:
        """Without a choice everything is kept."""
        assert Treatment.KEEP is FirehoseTransformSettings.from_environment({}).personal.treatment

    @pytest.mark.parametrize(
        ("variables", "reported"),
        [
            ({"PERSONAL_DATA": "hide"}, "PERSONAL_DATA"),
            ({"PERSONAL_DATA": "hash"}, "a key of 16 to 64 bytes"),
        ],
    )
    def test_refused(self, variables: dict[str, str], reported: str) -> None:
        """Another choice, or a hash without a key, is named."""
        with pytest.raises(Misconfigured, match=reported):
            FirehoseTransformSettings.from_environment(variables)
