"""Tracing is what Lambda and API Gateway do themselves: X-Ray's SDK gets no more updates after February 2027.

https://docs.aws.amazon.com/xray/latest/devguide/xray-sdk-migration.html
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from local_cloud.template.document import Stack, translated
from tools.build_lambda import LOCK, PACKAGES, ROOT

OF_SDK = ("aws_xray_sdk", "aws_lambda_powertools.tracing", "aws_lambda_powertools.Tracer")
RESOURCES = translated()["Resources"]
FUNCTIONS = [name for name, one in RESOURCES.items() if one["Type"] == "AWS::Lambda::Function"]


def imports(source: str) -> Iterator[str]:
    """The modules, and names of modules, that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def of_sdk(source: str) -> list[str]:
    """What of these is of the SDK, or needs it."""
    return [one for one in imports(source) if one.startswith(OF_SDK)]


class TestNoSdk:
    def test_package(self) -> None:
        """X-Ray's SDK is not a dependency of what is deployed. (moto, for the tests, brings it along.)"""
        names = {line.partition("==")[0] for line in (ROOT / LOCK).read_text(encoding="utf-8").splitlines()}
        assert "boto3" in names
        assert "aws-xray-sdk" not in names

    @pytest.mark.parametrize("package", PACKAGES)
    def test_imports(self, package: str) -> None:
        """No module imports it, nor what of Powertools needs it."""
        modules = list((ROOT / package).rglob("*.py"))
        assert modules
        assert {} == {path: found for path in modules if (found := of_sdk(path.read_text(encoding="utf-8")))}

    def test_would_be_seen(self) -> None:
        """The test has teeth: any form of the import is found."""
        forms = (
            "import aws_xray_sdk.core",
            "def f():\n    from aws_xray_sdk import core",
            "from aws_lambda_powertools import Logger, Tracer",
            "from aws_lambda_powertools.tracing import Tracer",
        )
        assert all(of_sdk(form) for form in forms)
        assert not of_sdk("from aws_lambda_powertools import Logger, Metrics")


class TestByServices:
    @pytest.mark.parametrize("function", FUNCTIONS)
    @pytest.mark.parametrize("mode", ["PassThrough", "Active"])
    def test_functions(self, function: str, mode: str) -> None:
        """Lambda traces a function by its own setting, which is the parameter's value."""
        assert {"Mode": mode} == Stack({"Tracing": mode}).resource(function)["TracingConfig"]

    @pytest.mark.parametrize(("mode", "traces"), [("PassThrough", False), ("Active", True)])
    def test_stage(self, mode: str, traces: bool) -> None:
        """So does API Gateway with the stage of the look-ups."""
        (stage,) = [name for name, one in RESOURCES.items() if one["Type"] == "AWS::ApiGateway::Stage"]
        found = str(Stack({"Tracing": mode}).resource(stage)["TracingEnabled"]).lower()
        assert str(traces).lower() == found
