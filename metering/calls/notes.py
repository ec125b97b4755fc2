"""What is noted of a log event that could not be taken as it is. Each set is small and fixed, so that it
can name metrics.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why a line is malformed."""

    NO_JSON = "no_json"
    """It is no JSON, and of no other form that is known."""
    COMMON_LOG_FORMAT = "common_log_format"
    XML = "xml"
    CSV = "csv"
    PREFIXED = "prefixed"
    """Something stands before a line of JSON: `aws logs tail` and exports put the time there."""
    NO_OBJECT = "no_object"
    """It is JSON, but no object."""
    NO_STATUS = "no_status"
    BAD_STATUS = "bad_status"
    """The status is no number from 100 to 599."""
    BAD_TIME = "bad_time"
    """The call's time is no time."""
    FAR_TIME = "far_time"
    """The call's time lies more than a day from the time at which its line was logged."""


class Doubt(StrEnum):
    """What is noted of a line that counts all the same."""

    BROKEN_TEXT = "broken_text"
    """A caller's text broke the JSON: the call is counted by the fields that are the gateway's."""
    REPEATED_FIELD = "repeated_field"
    """A counted field came more than once, with different values."""
    UNREADABLE_VALUE = "unreadable_value"
    """A length or a latency is no number: it counts as absent."""


SUSPECT: Final = frozenset({Doubt.BROKEN_TEXT, Doubt.REPEATED_FIELD})
"""A caller may have tried to write fields of a line. The lake keeps the whole text of these."""

Note = Reason | Doubt

_COMMON_LOG: Final = re.compile(r"\S+ \S+ .*\[\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} ")
_XML: Final = re.compile(r"\s*<[A-Za-z?!]")
_CSV: Final = re.compile(r"[^{,\s][^{,]*(,[^{,]*){4,}\Z")
_PREFIXED: Final = re.compile(r"[^{]{1,200}[ \t]\{.*\}\s*\Z", re.DOTALL)
_FORMS: Final = {
    Reason.COMMON_LOG_FORMAT: "a line in the common log format: set the stage's format to JSON",
    Reason.XML: "XML: set the stage's format to JSON",
    Reason.CSV: "values with commas between them: set the stage's format to JSON",
    Reason.PREFIXED: "a line of JSON with something before it, as `aws logs tail` prints it",
}


def form_of(text: str) -> Reason:
    """What a text that is no JSON seems to be."""
    if _PREFIXED.match(text):
        return Reason.PREFIXED
    if _COMMON_LOG.match(text):
        return Reason.COMMON_LOG_FORMAT
    if _XML.match(text):
        return Reason.XML
    if _CSV.match(text):
        return Reason.CSV
    return Reason.NO_JSON


def explained(form: Reason) -> str:
    """A form in words; an empty text for one that is not known."""
    return _FORMS.get(form, "")


def metrics_of(notes: Mapping[Note, int]) -> dict[str, int]:
    """Notes as metrics, with the number of log events of each. A reason that did not occur has none: every
    name of a metric is billed by the month.
    """
    return {
        "Suspect": sum(count for note, count in notes.items() if note in SUSPECT),
        "UnreadableValues": notes.get(Doubt.UNREADABLE_VALUE, 0),
        **{_metric(reason): notes[reason] for reason in Reason if notes.get(reason)},
    }


def _metric(reason: Reason) -> str:
    return "Malformed" + reason.value.title().replace("_", "")
