"""What the hot paths cost in instructions of Python and at import, counted: the same on each run and machine.

    python -m benchmarks.instructions            # shows the counts beside those of the record
    python -m benchmarks.instructions --record   # writes the record, where more is meant

CI holds each count to the record. Seconds are measured by `make bench`, which also sees what happens in C.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from adapters.settings.process import inherited
from benchmarks import deciding, decoding, transforming
from benchmarks.cold_start import handlers
from benchmarks.harness.instructions import executed
from benchmarks.harness.traffic import Traffic, firehose_event, kinesis_event, records

RECORD: Final = Path(__file__).resolve().parent / "instructions.json"
MOST: Final = 1.1
"""How much more than the record a count may be: another Python compiles to slightly other instructions."""

_ROOT: Final = RECORD.parent.parent
_TRAFFIC: Final = Traffic(rate=500, seconds=2)
_CALLS: Final = _TRAFFIC.rate * _TRAFFIC.seconds
_DECISIONS: Final = 10
_LOADED_BYTES: Final = """
import sys, sysconfig, {0}
from pathlib import Path
ours = tuple(map(Path, (sysconfig.get_path("purelib"), {1!r})))
files = {{getattr(module, "__file__", None) for module in [*sys.modules.values()]}}
found = [Path(file) for file in files if file and Path(file).is_file()]
print(sum(one.stat().st_size for one in found if any(one.is_relative_to(folder) for folder in ours)))
"""


def decode() -> float:
    """Decode, check, hash and fold, for one call."""
    event = kinesis_event(list(records(_TRAFFIC)))
    return executed(lambda: decoding.meter(event)) / _CALLS


def transform() -> float:
    """A row of the lake."""
    events = [firehose_event(list(records(_TRAFFIC)))]
    return executed(lambda: transforming.meter(events)) / _CALLS


def decide() -> float:
    """A decision from memory."""
    steps = deciding.Steps()

    def decisions() -> None:
        for _ in range(_DECISIONS):
            steps.warm()

    return executed(decisions) / _DECISIONS


def cold_start() -> float:
    """The bytes of all modules that the heaviest handler loads, as a multiple of those of boto3 alone."""
    return max(map(loaded_bytes, handlers())) / loaded_bytes("boto3")


def loaded_bytes(module: str) -> int:
    """The bytes of the files of all modules that an import loads, in a process of its own. The standard
    library is left out: builds of Python differ in its files.
    """
    code = _LOADED_BYTES.format(module, str(_ROOT))
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=_ROOT, env=inherited()
    )
    return int(done.stdout)


COUNTS: Final[Mapping[str, Callable[[], float]]] = {
    "decode and fold, instructions a call": decode,
    "transform, instructions a call": transform,
    "warm decision, instructions": decide,
    "cold start, bytes loaded against boto3": cold_start,
}


def recorded() -> dict[str, float]:
    """The recorded counts, by their names."""
    found: dict[str, float] = json.loads(RECORD.read_text())["counts"]
    return found


def main(arguments: Sequence[str]) -> int:
    """Count and show; the exit code is 1 if a count is more than is allowed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description="Count.")
    parser.add_argument("--record", action="store_true", help="write the record again")
    record = parser.parse_args(arguments).record
    counts = {name: round(count(), 3) for name, count in COUNTS.items()}
    if record:
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        RECORD.write_text(json.dumps({"python": python, "counts": counts}, indent=2) + "\n")
    before = recorded()
    for name, count in counts.items():
        print(f"{name:42} {count:12,.3f}   recorded {before[name]:12,.3f}")
    return int(any(count > MOST * before[name] for name, count in counts.items()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
