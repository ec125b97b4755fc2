"""Twenty minutes of steady, bursty and hostile traffic through the whole meter in a local cloud. Shards are
split, the consumer is stopped and started, and EventBridge, Athena and DynamoDB are slow, hang and refuse in
turn; all of it three times in one process. Exits with 0 only if no call was lost or counted twice, the last
round took no memory that the one before had not, and every alarm rang that should have, and no other.

    python -m simulation.soak                          # in real time: twenty minutes for all rounds
    python -m simulation.soak --minutes 1              # the same script, scaled to a minute
    python -m simulation.soak --out soak.svg --json soak.json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from simulation.soak import script
from simulation.soak.report import drawn, heading, row, verdict
from simulation.soak.run import Soak, SoakSettings

_RATE = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a soak, print it minute by minute, and write what is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m simulation.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--minutes", type=float, default=script.MINUTES, help="real minutes; 0: as fast as possible"
    )
    parser.add_argument("--rate", type=float, default=_RATE, help="calls in a real second, when it is steady")
    parser.add_argument(
        "--comparisons", type=int, default=20, help="comparisons in a row at the end of each round"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here")
    parser.add_argument("--out", type=Path, metavar="FILE", help="draw the minutes here, as SVG")
    options = parser.parse_args(arguments)
    settings = SoakSettings.of_rate(options.minutes, options.rate, options.seed, options.comparisons)
    screen = sys.stdout
    print(heading(), file=screen, flush=True)
    result = Soak(settings, lambda minute: print(row(minute), file=screen, flush=True)).run()
    print(verdict(result), file=screen)
    if options.json:
        options.json.write_text(json.dumps(result.to_json(), indent=2))
    if options.out:
        options.out.write_text(drawn(result))
    return int(bool(result.problems))


if __name__ == "__main__":
    sys.exit(main())
