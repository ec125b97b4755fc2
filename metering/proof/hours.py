"""The hours of a set of calls as one number, so that both sides can compare them with one more sum.

Each hour of the day has a weight, and the *hours* of a set are the sum of its calls' weights. Two sets with
as many calls in each hour have the same; a call that lies in another hour changes it. Up to five calls in
other hours never cancel out, which a test goes through; beyond that it would be a coincidence of the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import mul
from typing import Final

EXPONENT: Final = 11
"""The query of the lake writes the same power out."""
WEIGHTS: Final[tuple[int, ...]] = tuple((hour + 1) ** EXPONENT for hour in range(24))
_WEIGHT_OF_PART: Final = {f"{hour:02d}": weight for hour, weight in enumerate(WEIGHTS)}


def hours_of(requests: Mapping[str, int]) -> int:
    """The hours of a day's calls, by their number in each hour (`07`)."""
    return sum(map(mul, map(_WEIGHT_OF_PART.__getitem__, requests), requests.values()))
