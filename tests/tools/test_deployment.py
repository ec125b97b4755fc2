"""`make deploy`: a file says what deviates, and nothing else is pinned."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cloud.template.document import load_template
from tools.deployment import Deployment, DeploymentError, asked, command

SAM = Path("sam")
TEMPLATE = Path("template.yaml")
DEFAULTS = {name: str(one["Default"]) for name, one in load_template()["Parameters"].items()}


def file(folder: Path, text: str) -> Path:
    """A file of a deployment."""
    path = folder / "deployment.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def overrides(deployment: Deployment) -> dict[str, str]:
    """What SAM is given of the parameters."""
    words = command(deployment, TEMPLATE, SAM, confirms=False)
    start = words.index("--parameter-overrides") + 1
    pairs = [word.partition("=") for word in words[start:] if not word.startswith("--")]
    return {name: value[1:-1] for name, _, value in pairs if name in DEFAULTS}


def answers(*lines: str) -> Iterator[str]:
    return iter(lines)


class TestFirstTime:
    def test_enter(self, tmp_path: Path) -> None:
        """Enter answers each question, and the file pins nothing."""
        given = answers("", "", "")
        path = tmp_path / "deployment.yaml"
        asked(lambda _question: next(given), "eu-west-1").write(path)
        assert Deployment("usage-meter", "eu-west-1") == Deployment.read(path)
        assert "parameters" not in path.read_text()

    def test_address(self, tmp_path: Path) -> None:
        """Whom alarms should reach is asked for, since otherwise nobody would hear of one."""
        given = answers("orders-meter", "eu-central-1", "on-call@example.com")
        path = tmp_path / "deployment.yaml"
        asked(lambda _question: next(given), "eu-west-1").write(path)
        assert {"AlarmEmail": "on-call@example.com"} == Deployment.read(path).parameters


class TestParameters:
    def test_what_deviates(self, tmp_path: Path) -> None:
        """A parameter of the file is set, and stays set with every deployment."""
        path = file(
            tmp_path, "stack: m\nregion: r\nparameters:\n  StreamRetentionHours: 8760\n  LookUps: no\n"
        )
        assert DEFAULTS | {"StreamRetentionHours": "8760", "LookUps": "no"} == overrides(
            Deployment.read(path)
        )

    def test_removed_line(self, tmp_path: Path) -> None:
        """A line that is removed is undone: all that the file does not name has the template's default."""
        assert overrides(Deployment.read(file(tmp_path, "stack: m\nregion: r\n"))) == DEFAULTS

    def test_tags(self, tmp_path: Path) -> None:
        """Tags are given to the stack, which gives them to its resources."""
        path = file(tmp_path, "stack: m\nregion: r\ntags:\n  cost-center: billing 7\n")
        words = command(Deployment.read(path), TEMPLATE, SAM, confirms=False)
        assert ["--tags", 'cost-center="billing 7"'] == words[-2:]

    def test_confirms(self, tmp_path: Path) -> None:
        """The change set of a stack that exists is asked for."""
        deployment = Deployment.read(file(tmp_path, "stack: m\nregion: r\n"))
        assert "--confirm-changeset" in command(deployment, TEMPLATE, SAM, confirms=True)
        assert "--no-confirm-changeset" in command(deployment, TEMPLATE, SAM, confirms=False)


class TestRefused:
    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("[]", "holds no mapping"),
            ("stack: {", "is not YAML"),
            ("stack: Meter\nregion: r", "stack is 'Meter': it must be lower-case"),
            ("stack: m", "region is not set"),
            ("stack: m\nregion: r\nparameter: {}", "'parameter' is none of stack, region, parameters, tags"),
            ("stack: m\nregion: r\nparameters: [a]", "parameters is not a mapping"),
            ("stack: m\nregion: r\nparameters: {Lanes: 1}", "the template has no parameter 'Lanes'"),
            (
                "stack: m\nregion: r\nparameters: {LookUps: maybe}",
                "LookUps is 'maybe': it must be one of yes, no",
            ),
            (
                "stack: m\nregion: r\nparameters: {AlarmEmail: me}",
                "AlarmEmail is 'me': it must be an address",
            ),
            (
                "stack: m\nregion: r\nparameters: {LedgerLanes: 0}",
                "LedgerLanes is '0': it must be from 1 to 1024",
            ),
            ("stack: m\nregion: r\nparameters: {LedgerLanes: many}", "LedgerLanes is 'many'"),
        ],
    )
    def test_before_anything_is_deployed(self, tmp_path: Path, text: str, fault: str) -> None:
        """What CloudFormation would refuse, or take for something else, is named with its place."""
        with pytest.raises(DeploymentError, match=r"deployment\.yaml") as error:
            Deployment.read(file(tmp_path, text))
        assert fault in str(error.value)
