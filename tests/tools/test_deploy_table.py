"""docs/evidence.md: every resource and statement of the template, with engines that really looked at it."""

from __future__ import annotations

from collections import Counter
from typing import Any

from local_cloud.template.document import load_template, translated
from tests.engines import test_roles as ministack
from tests.engines.conftest import UNKNOWN_TO_MINISTACK
from tests.engines.test_simulated_calls import CALLERS
from tests.infra import test_provisioning as moto
from tests.infra.test_recorded_calls import BY_SERVICES, RARELY, TELEMETRY, WHEN_GIVEN_UP
from tools import deploy_table
from tools.aws_check import CHECKS
from tools.build_lambda import ROOT
from tools.deploy_table import documents, page, resource_rows, statement_row, statements

RESOURCES = translated()["Resources"]
STATEMENTS = list(statements())
ROWS = [*resource_rows(), *map(statement_row, STATEMENTS)]


def written(value: Any) -> int:
    """The statements in the template as it is written; those of a policy in a text are counted by their
    effects. One is there for each branch of a condition.
    """
    if isinstance(value, list):
        return sum(map(written, value))
    if isinstance(value, dict):
        return int("Effect" in value) + sum(map(written, value.values()))
    return value.count('"Effect"') if isinstance(value, str) else 0


class TestComplete:
    def test_up_to_date(self) -> None:
        """The page is what `make deploy-table` makes of today's template."""
        assert page() == deploy_table.PAGE.read_text(encoding="utf-8")

    def test_resources(self) -> None:
        """Each resource is in one row."""
        named = Counter(name for row in resource_rows() for name in row.part.split(", "))
        assert dict.fromkeys(RESOURCES, 1) == named

    def test_statements(self) -> None:
        """Each statement is in one row: those of roles, of topics, queues, buckets, keys and destinations."""
        assert written(RESOURCES) == len(STATEMENTS)
        assert len(STATEMENTS) == len({(one.owner, one.policy, one.number) for one in STATEMENTS})

    def test_statement_in_any_place(self) -> None:
        """The test has teeth: a policy anywhere in a resource is found, also one that is a text."""
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]}
        text = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow"}]}'
        found = list(documents({"A": {"B": [{"C": document}]}, "D": text}))
        assert [("C", document), ("D", document)] == found

    def test_checks(self) -> None:
        """What only an account shows names a check that `make aws-check` runs, and no check is left over."""
        names = {check.__name__ for check in CHECKS}
        of_other_things = {"cadence", "control_bytes"}  # of a metric, and of lines: docs/deploy.md
        assert names - of_other_things == {row.question.check for row in ROWS}
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert "\naws-check: " in makefile
        assert "-m tools.aws_check --stack" in makefile

    def test_deploy_page(self) -> None:
        """The page that asks the remaining questions names each check that answers one."""
        text = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
        for name in (
            "cadence",
            "control_bytes",
            "thresholds",
            "reconciliation",
            "quoted_numbers",
            "documents",
        ):
            assert f"`{name}`" in text
        assert "`comments`" in text
        assert "`long_parameters`" in text


class TestTrue:
    """What the tool says of engines is what their tests do."""

    def test_moto(self) -> None:
        """The stack is made in moto with these parameters; of one type botocore checks the parameters."""
        assert moto.PARAMETERS == deploy_table.IN_MOTO
        stubbed = {kind for kind, make in moto.BY_API.items() if make is moto.query_definition}
        assert stubbed == deploy_table.PARAMETERS_ONLY

    def test_ministack(self) -> None:
        """ministack is given all but some types, and conditions on keys that it knows."""
        dashboard = {"AWS::CloudWatch::Dashboard"}
        assert UNKNOWN_TO_MINISTACK | dashboard == deploy_table.UNKNOWN_TO_MINISTACK
        assert ministack.UNKNOWN_KEYS == deploy_table.UNKNOWN_KEYS
        assert set(load_template()["Resources"]) >= {"StreamProcessorRole", *deploy_table.IN_MINISTACK}

    def test_iam_simulate(self) -> None:
        """It judges the calls of these functions; what no call was recorded for it has not judged."""
        assert sorted(deploy_table.FUNCTIONS.values()) == sorted(CALLERS)
        for role, function in deploy_table.FUNCTIONS.items():
            unseen = BY_SERVICES.get(function, set()) | (
                RARELY.get(function, set()) if role == "UsageApiRole" else set()
            )
            assert unseen == deploy_table.NOT_CALLED.get(role, frozenset())
        by_lambda = {*TELEMETRY, *(one for found in WHEN_GIVEN_UP.values() for one in found)}
        assert {one for one in by_lambda if not one.startswith(deploy_table.BY_LAMBDA)} <= {
            "logs:PutLogEvents"
        }
