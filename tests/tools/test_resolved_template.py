"""The template for linters."""

from __future__ import annotations

import json
import re

import pytest

from local_cloud.template.document import translated
from tools.build_lambda import ROOT
from tools.resolved_template import main, resolved

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")


def all_parts() -> dict[str, str]:
    """The parameters with which `make checkov` looks at the template."""
    (line,) = re.findall(r"^ALL_PARTS := (.+)$", MAKEFILE, re.MULTILINE)
    return dict(one.split("=", 1) for one in line.split())


class TestResolved:
    def test_all_parts(self) -> None:
        """The linter sees every resource of the template but the key that is made where no other is given."""
        assert set(translated()["Resources"]) == {"TopicKey", *resolved(all_parts())["Resources"]}

    def test_nothing_left_to_resolve(self) -> None:
        """No function of CloudFormation is left that a rule could stumble over."""
        text = json.dumps(resolved(all_parts()))
        assert [] == re.findall(r'"(Fn::\w+|Ref|Condition)": ', text.replace('"Condition": {', ""))

    def test_printed(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Parameters are written as `make` passes them."""
        main(["StreamMode=PROVISIONED", "ShardCount=3"])
        stream = json.loads(capsys.readouterr().out)["Resources"]["CallStream"]
        assert 3 == stream["Properties"]["ShardCount"]


class TestSkips:
    def test_each_has_its_reason(self) -> None:
        """A rule is skipped for a reason that stands next to it."""
        lines = (ROOT / "infra" / "checkov.yaml").read_text(encoding="utf-8").splitlines()
        skips = [line for line in lines if line.strip().startswith("- ")]
        assert skips
        assert [] == [line for line in skips if not re.fullmatch(r"  - CKV_AWS_\d+ +# \S.+", line)]
