"""What the lake keeps of callers: one choice and one key, for the transform and for what is redriven."""

from __future__ import annotations

import pytest

from adapters.deployment import Deployment
from adapters.settings import FirehoseTransformSettings
from local_cloud.template.document import Stack
from local_cloud.template.intrinsics import STACK_UUID
from metering.calls.privacy import PersonalData, Treatment
from metering.errors import Misconfigured

STACK_ID = f"arn:aws:cloudformation:us-east-1:123456789012:stack/usage-meter/{STACK_UUID}"


class TestChoice:
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
