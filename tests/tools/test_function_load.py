"""The fourth table of docs/scale.md: each function at 100,000 keys and 36 months ends within its limits."""

from __future__ import annotations

import re

import pytest

from local_cloud.template.document import load_template
from tools.function_load import JOBS, limits
from tools.load_table import measured_load
from tools.scale_table import PAGE

ROWS = re.findall(
    r"^\| (\w+) \| (.+) \| .* s: ([\d.e+]+) of (\d+) s \| (\d+) of (\d+) MB \|$",
    PAGE.read_text(encoding="utf-8"),
    re.MULTILINE,
)


def test_all_functions_are_there() -> None:
    """Each function of the template has a row with its limits, and each row is one of what is measured."""
    found = load_template()["Resources"].items()
    functions = {name for name, one in found if one["Type"] == "AWS::Serverless::Function"}
    assert functions == {job.function for job in JOBS.values()}
    assert [(job.function, job.what) for job in JOBS.values()] == [
        (f"{name}Function", what) for name, what, *_ in ROWS
    ]
    for name, _, _, seconds, _, megabytes in ROWS:
        assert limits(f"{name}Function") == (int(seconds), int(megabytes))


def test_all_end_within_their_limits() -> None:
    """What was measured takes half of the time at most, all that a function does together, and fits."""
    taken: dict[str, float] = {}
    for name, _, seconds, _, took, has in ROWS:
        taken[name] = taken.get(name, 0.0) + float(seconds)
        assert int(took) < int(has)
    for name, seconds in taken.items():
        assert seconds < limits(f"{name}Function").seconds / 2


@pytest.mark.parametrize("name", ["usage-api", "firehose-transform", "watch"])
def test_it_is_measured(name: str) -> None:
    """The work is done by the shipped code."""
    assert measured_load(JOBS[name].work()).seconds > 0
