"""What a removed stack has left, taken into a new one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from local_cloud.template.document import translated
from tools.adoption import IDENTIFIERS, AdoptionError, adopted, main, template
from tools.deployment import Deployment

RESOURCES = translated()["Resources"]
POLICIES = {"LakeBucketPolicy", "FailureBucketPolicy"}
"""They stay with their buckets, and are taken off by hand before a deployment makes them anew."""

RETAINED = {name for name, one in RESOURCES.items() if str(one.get("DeletionPolicy")).startswith("Retain")}
LEFT = RETAINED - POLICIES
NAMES = {name: f"their-{name.lower()}" for name in LEFT}


class TestAdopted:
    def test_everything_that_is_left(self) -> None:
        """All that a removal leaves can be adopted, but for the buckets' policies."""
        imports = adopted(NAMES)
        assert {one["LogicalResourceId"] for one in imports} == LEFT

    def test_identifiers(self) -> None:
        """Each is named as CloudFormation's schema of its type identifies it."""
        for kind, name in IDENTIFIERS.items():
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
            assert [f"/properties/{name}"] == schema["primaryIdentifier"]

    def test_unknown(self) -> None:
        """A name of something else is refused, with those that there are."""
        with pytest.raises(AdoptionError, match="Alarm: a stack leaves AccessLogGroup, CallStream"):
            adopted({"Alarm": "a"})


class TestTemplate:
    def test_stands_alone(self) -> None:
        """It holds what is imported only, each kept when the stack goes, and refers to nothing else."""
        document = template(adopted(NAMES))
        assert document["Resources"].keys() == LEFT
        named = set(re.findall(r"'(?:Ref|Fn::GetAtt)': \[?'([\w:]+)'", str(document["Resources"])))
        known = {*document["Parameters"], *LEFT, "AWS::NoValue", "AWS::StackName"}
        assert named <= known


class TestMain:
    def test_without_apply(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """It says what it would adopt, and asks nobody."""
        file = tmp_path / "deployment.yaml"
        Deployment("meter", "us-east-1").write(file)
        assert 0 == main(["--file", str(file), "LakeBucket=my-lake"])
        shown = capsys.readouterr().out
        assert "LakeBucket: my-lake\n" in shown
        assert "Nothing is changed yet: --apply makes the stack meter of these." in shown

    def test_unknown(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """A wrong name is wrong use."""
        file = tmp_path / "deployment.yaml"
        Deployment("meter", "us-east-1").write(file)
        assert 2 == main(["--file", str(file), "Lake=my-lake"])
        assert "a stack leaves" in capsys.readouterr().err
