"""Why lines could not be read, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from metering.calls.notes import Reason


class Advice(NamedTuple):
    """What a reason means, and what to do."""

    meaning: str
    advice: str


_SET_FORMAT: Final = (
    "Set the stage's access-log format to the stack's output AccessLogFormat: `usage-meter connect` does it."
)
_SHOW: Final = "See such lines with `usage-meter explain '!malformed'`."

ADVICE: Final[Mapping[Reason, Advice]] = {
    Reason.NO_JSON: Advice("Not JSON, and not in another form that is known.", f"{_SHOW} {_SET_FORMAT}"),
    Reason.COMMON_LOG_FORMAT: Advice("In the common log format, not in JSON.", _SET_FORMAT),
    Reason.XML: Advice("XML, not JSON.", _SET_FORMAT),
    Reason.CSV: Advice("Values with commas between them, not JSON.", _SET_FORMAT),
    Reason.PREFIXED: Advice(
        "JSON with something before it, such as a time.",
        "Find out who else writes into the log group: API Gateway puts nothing before its lines.",
    ),
    Reason.NO_OBJECT: Advice("JSON, but not an object.", _SET_FORMAT),
    Reason.NO_STATUS: Advice(
        "Without a status.", f"The format lacks $context.status. {_SET_FORMAT} Your own fields stay."
    ),
    Reason.BAD_STATUS: Advice(
        "With a status that is not a number from 100 to 599.",
        f"{_SHOW} Check which value the format has in the field of the status.",
    ),
    Reason.BAD_TIME: Advice(
        "With a time that cannot be read.",
        "Use $context.requestTimeEpoch in the format. Without a time, that of the log event counts.",
    ),
    Reason.FAR_TIME: Advice(
        "With a time more than a day away from when the line was logged.",
        "Do not write old lines into the log group: `usage-meter lines` reads them from a file.",
    ),
}
UNKNOWN: Final = Advice("For a reason that this version does not know.", _SHOW)


def advice_on(reason: str) -> Advice:
    """What a reason of the lake means: a name, or several with commas between them, of which the first."""
    name = reason.partition(",")[0].strip()
    return ADVICE[Reason(name)] if name in set(Reason) else UNKNOWN
