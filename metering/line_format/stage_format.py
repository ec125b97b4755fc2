"""A stage's access-log format: which field holds which variables of API Gateway.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

_VARIABLE: Final = re.compile(r"\$context(?:\.\w+)+")
_TEXT_OR_VARIABLE: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\$context(?:\.\w+)+')
_SETTINGS: Final = (("accessLogSettings", "format"), ("AccessLogSettings", "Format"))
_WEB_SOCKET: Final = frozenset({"eventType", "connectionId", "connectedAt", "messageId"})
_SECRET: Final = "identity.apiKey"  # noqa: S105 - the name of a variable
_PREFIX: Final = "$context."
_QUOTED_VARIABLE: Final = "error.messageString"


class ApiType(StrEnum):
    """The types of API that API Gateway has."""

    REST = "rest"
    HTTP = "http"
    WEB_SOCKET = "websocket"


@dataclass(frozen=True, slots=True)
class FormatField:
    """A field at the top of the format."""

    name: str
    value: Any
    """A text with variables in it, or an object or a list of such."""

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that it holds, without `$context.`."""
        return tuple(variables_of(self.value))

    @property
    def is_secret(self) -> bool:
        """Whether it holds the API key itself."""
        return _SECRET in self.variables


@dataclass(frozen=True, slots=True)
class StageFormat:
    """A format, read."""

    text: str
    fields: tuple[FormatField, ...]
    form: str = ""
    """What it is where it is no JSON: then its fields are its variables."""
    bare: tuple[str, ...] = ()
    """Variables without quotes."""

    @property
    def quotes_itself(self) -> bool:
        """Whether it has the one variable that comes in quotes of its own, but for an absent one. Its fields
        hold the same text by the variable that has none.
        """
        return f"{_PREFIX}{_QUOTED_VARIABLE}" in self.text

    @property
    def api_type(self) -> ApiType:
        """The type of API that has such variables."""
        found = {name for field in self.fields for name in field.variables}
        if found & _WEB_SOCKET:
            return ApiType.WEB_SOCKET
        return ApiType.HTTP if "routeKey" in found else ApiType.REST


def read_format(given: str) -> StageFormat:
    """Read a format: as a stage has it, as JSON or a shell quotes it, or in the description of a stage that
    the AWS CLI prints.

    Raises ValueError where there is no variable in it.
    """
    text = _unwrapped(given.strip())
    if not _VARIABLE.search(text):
        raise ValueError("no access-log format: it has no variable such as $context.status")
    bare: list[str] = []

    def quoted(match: re.Match[str]) -> str:
        if match[0].startswith('"'):
            return match[0]
        bare.append(match[0].removeprefix(_PREFIX))
        return f'"{match[0]}"'

    try:
        pairs = json.loads(_TEXT_OR_VARIABLE.sub(quoted, text), object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        pairs = None
    if not isinstance(pairs, _Pairs):
        return StageFormat(text, tuple(_fields_of_variables(text)), _form_of(text))
    fields = {name: FormatField(name, _plain(value)) for name, value in pairs}
    return StageFormat(text, tuple(fields.values()), bare=tuple(bare))


def variables_of(value: object) -> Iterator[str]:
    """The variables in a value of a format, without `$context.`."""
    for text in _texts(value):
        for variable in _VARIABLE.findall(text):
            yield variable.removeprefix(_PREFIX)


def written(fields: Iterable[FormatField]) -> str:
    """A format of these fields, on one line and with every value in quotes."""
    return json.dumps(
        {field.name: field.value for field in fields}, separators=(",", ":"), ensure_ascii=False
    )


class _Pairs(tuple[tuple[str, Any], ...]):
    """The fields of an object, in their order."""

    __slots__ = ()


def _plain(value: object) -> object:
    if isinstance(value, _Pairs):
        return {name: _plain(one) for name, one in value}
    if isinstance(value, str):
        return value.replace(_QUOTED_VARIABLE, "error.message")
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def _unwrapped(text: str) -> str:
    if text.startswith(r"{\""):
        return text.replace(r"\"", '"')
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(document, str):
        return document.strip()
    for outer, inner in _SETTINGS:
        settings = document.get(outer) if isinstance(document, dict) else None
        if isinstance(settings, dict) and isinstance(settings.get(inner), str):
            return str(settings[inner]).strip()
    return text


def _fields_of_variables(text: str) -> Sequence[FormatField]:
    """A field for each variable, by its last name."""
    found = {variable.rpartition(".")[2]: variable for variable in reversed(_VARIABLE.findall(text))}
    return [FormatField(name, variable) for name, variable in reversed(found.items())]


def _form_of(text: str) -> str:
    if text.startswith("<"):
        return "XML"
    if text.startswith("{"):
        return "JSON that is broken"
    if "[$context.requestTime]" in text:
        return "the common log format (CLF)"
    return "CSV" if text.count(",") >= text.count("$context") - 1 > 0 else "plain text"
