"""What a deployer needs, and what a customer's key must allow: the examples of docs/deploy.md."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from local_cloud.template.document import REGION, load_template, translated

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
TYPES = sorted({one["Type"] for one in translated()["Resources"].values()})
NOT_USED = (
    *("ec2:", "elasticfilesystem:", "kafka", "lakeformation:", "s3files:", "s3tables:", "secretsmanager:"),
    *("ssm:", "iam:createservicelinkedrole"),
)

"""Permissions that the resource types ask for with settings that the template has not."""


def statements(name: str) -> list[dict[str, Any]]:
    """The statements of an example."""
    document: dict[str, Any] = json.loads((EXAMPLES / name).read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = document["Statement"]
    return found


def wanted(resource_type: str) -> set[str]:
    """What CloudFormation does in a deployer's name with a resource of a type, by its own schema."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, resource_type).schema
    handlers = [schema.get("handlers", {}).get(kind, {}) for kind in ("create", "read", "update", "delete")]
    found = {one for handler in handlers for one in handler.get("permissions", [])}
    return {one for one in found if not one.lower().startswith(NOT_USED)}


class TestDeployer:
    @pytest.mark.parametrize("resource_type", TYPES)
    def test_every_resource(self, resource_type: str) -> None:
        """Whoever has the example's policy can make, change and remove each resource of the stack."""
        patterns = [
            action.lower()
            for statement in statements("deployer-policy.json")
            for action in statement["Action"]
        ]
        assert [] == sorted(
            one
            for one in wanted(resource_type)
            if not any(fnmatchcase(one.lower(), pattern) for pattern in patterns)
        )

    def test_roles(self) -> None:
        """It may make and pass roles of the stack, and no others."""
        (roles,) = [one for one in statements("deployer-policy.json") if one["Sid"] == "ItsRoles"]
        assert "arn:aws:iam::*:role/*usage-meter-*" == roles["Resource"]
        others = [one for one in statements("deployer-policy.json") if one["Sid"] != "ItsRoles"]
        assert not [action for one in others for action in one["Action"] if action.startswith("iam:")]


class TestKey:
    def test_services(self) -> None:
        """The services that the parameter's description names may use the key."""
        named = {
            service
            for one in statements("key-policy.json")
            for service in one["Principal"].get("Service", [])
            if isinstance(one["Principal"].get("Service"), list)
        }
        text = load_template()["Parameters"]["KmsKeyArn"]["Description"]
        assert {"cloudwatch.amazonaws.com", "events.amazonaws.com"} == named
        assert all(service in text for service in named)

    def test_no_condition_for_events(self) -> None:
        """EventBridge uses a topic's key only where the key's policy has no condition for it."""
        (one,) = [one for one in statements("key-policy.json") if "events" in str(one["Principal"])]
        assert "Condition" not in one
