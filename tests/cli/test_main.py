"""The entry point: its commands, its exit codes, and what it says about errors."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import NoRegionError
from typer import BadParameter
from typer.main import get_command
from typer.testing import CliRunner

from cli import main as module
from cli.common.errors import CommandError
from cli.main import COMMANDS, GROUPS, app, main


def leaves(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command, by the words that are typed for it."""
    command = command or get_command(app)
    for name, sub in getattr(command, "commands", {}).items():
        yield from leaves(sub, (*path, name))
    if not hasattr(command, "commands"):
        yield path, command


LEAVES = dict(leaves())
SERVERS = {("dashboard",), ("local",)}
"""They have no result."""


def option(path: tuple[str, ...], name: str) -> Any:
    """An option of a command; None if it has none."""
    return next((found for found in LEAVES[path].params if name in found.opts), None)


def raising(error: BaseException) -> Callable[[], None]:
    """A command that ends so."""

    def command() -> None:
        raise error

    return command


def test_help_names_every_command() -> None:
    """With what it does."""
    shown = CliRunner().invoke(app, ["--help"])

    assert 0 == shown.exit_code
    for name in (*COMMANDS, *GROUPS):
        assert name in shown.stdout
    assert "Exit codes: 0 done, 1 problem found, 2 wrong usage." in shown.stdout


@pytest.mark.parametrize("name", [*COMMANDS, *GROUPS])
def test_each_command_has_help_with_examples(name: str) -> None:
    """And it writes its result as JSON, unless it has none."""
    shown = CliRunner().invoke(app, [name, "--help"], terminal_width=200)

    assert 0 == shown.exit_code
    assert f"usage-meter {name}" in shown.stdout.partition("Examples")[2]
    if name in COMMANDS:
        assert ("--json" in shown.stdout) is ((name,) not in SERVERS)


@pytest.mark.parametrize("path", sorted(LEAVES.keys() - SERVERS), ids=" ".join)
def test_json_means_one_thing(path: tuple[str, ...]) -> None:
    """`--json` prints to standard output, and names no file: whoever gives one is sent to `--out FILE`, which
    takes `-` for standard output. (The files of `invoice` are many: its `--out` is a folder.)
    """
    assert option(path, "--json").is_flag
    if path != ("invoice",):
        assert option(path, "--out").type_descriptor.parameter_info.allow_dash
    takes_files = any(
        "FILE" in str(found.metavar) for found in LEAVES[path].params if found.opts[0][:1] != "-"
    )
    for arguments in [["--json=found.json"], ["--json", "found.json"]][: 1 if takes_files else 2]:
        shown = CliRunner().invoke(app, [*path, *arguments])
        assert 2 == shown.exit_code
        message = " ".join(shown.output.replace("│", " ").split())
        assert "it prints to standard output and takes no file: write --out found.json" in message


NOT_COUNTS = {"--port", "--chaos"}
"""A port and a seed are names that happen to be numbers."""


@pytest.mark.parametrize("path", sorted(LEAVES), ids=" ".join)
def test_counts_are_taken_as_people_type_them(path: tuple[str, ...]) -> None:
    """Every option that takes a whole number reads `1k`, unless it takes less."""
    for found in LEAVES[path].params:
        described = found.type_descriptor
        if described.annotation in (int, int | None) and NOT_COUNTS.isdisjoint(found.opts):
            assert described.parameter_info.parser is not None, found.opts
            try:
                number = described.parameter_info.parser("1k")
            except BadParameter as refused:
                number = 1000 if " to " in refused.message else 0
            assert 1000 == number


def test_the_version_is_the_packages() -> None:
    """As pyproject.toml has it."""
    shown = CliRunner().invoke(app, ["--version"])

    assert (0, "usage-meter 0.1.0\n") == (shown.exit_code, shown.stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["unknown"],
        ["demo", "--unknown"],
        ["demo", "--speed", "0"],
        ["demo", "--speed", "-1"],
        ["demo", "--speed", "fast"],
        ["demo", "--chaos", "much"],
        ["demo", "--access-log", "nowhere.jsonl"],
        ["demo", "--access-log", "."],
        ["demo", "--out", "nowhere/out.json"],
        ["local", "--speed", "0"],
        ["local", "--access-log", "nowhere.jsonl"],
        ["reconcile"],
        ["reconcile", "2026"],
        ["reconcile", "2026-13"],
        ["reconcile", "2026-10-01"],
        ["redrive", "--out", "nowhere/out.json"],
    ],
    ids=" ".join,
)
def test_wrong_use_is_2_without_a_traceback(arguments: list[str]) -> None:
    """And it says what is wrong before anything is done."""
    shown = CliRunner().invoke(app, arguments)

    assert 2 == shown.exit_code
    assert "Usage: " in shown.output
    assert "Traceback" not in shown.output


@pytest.mark.parametrize(
    ("error", "exit_code", "shown"),
    [
        (CommandError("The log is empty."), 2, "usage-meter: The log is empty.\n"),
        (CommandError("It is stuck.", 1), 1, "usage-meter: It is stuck.\n"),
        (NoRegionError(), 2, "usage-meter: There is no AWS region: set AWS_REGION or AWS_PROFILE.\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
    ids=["wrong use", "a problem", "another's error", "interrupted"],
)
def test_errors_become_a_sentence_and_an_exit_code(
    error: BaseException,
    exit_code: int,
    shown: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On standard error, so that a pipe gets results alone."""
    monkeypatch.setattr(module, "app", raising(error))

    assert exit_code == main()
    assert ("", shown) == capsys.readouterr()


def test_faults_of_ours_are_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A traceback is what helps then."""
    monkeypatch.setattr(module, "app", raising(TypeError("no")))

    with pytest.raises(TypeError, match="no"):
        main()
