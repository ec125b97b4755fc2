"""Fields of a file that decides money or limits: types that take nothing but what was meant, and every fault
as a sentence with its place.

A fault says line and column where the file came from text, then the place in words, then what is wrong:

    line 7, column 52: plan pro, version v1, price requests, tier 2: unit_price '-0.5' is negative
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple, NoReturn, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from metering.strict_document import Document, Path, Place

M = TypeVar("M", bound="StrictModel")

WHOLE_LIMIT: Final = 10**18
_MAX_DIGITS: Final = 18
_DECIMAL: Final = re.compile(r"\+?[0-9]+(?:\.[0-9]+)?", re.ASCII)
_COLLECTIONS: Final = {
    "accounts": "account",
    "default_plan": "default plan",
    "keys": "key",
    "limits": "limit",
    "plan": "plan",
    "plans": "plan",
    "prices": "price",
    "tiers": "tier",
}
"""Fields that hold several entries, and what one of them is called."""


class Broken(NamedTuple):
    """A rule that a value breaks: the path to it from where the rule is checked, and the sentence."""

    path: Path
    sentence: str


def refuse(*faults: Broken) -> None:
    """Raise a ValidationError with these faults, if there are any."""
    if faults:
        raise ValidationError.from_exception_data("file", [_detail(one) for one in faults])


def _detail(broken: Broken, kind: Literal["rule", "unknown"] = "rule") -> InitErrorDetails:
    error = PydanticCustomError(kind, "{fault}", {"fault": broken.sentence})
    return InitErrorDetails(type=error, loc=broken.path, input=None)


def wrong(value: object, rule: str) -> NoReturn:
    """Say of a field that its value breaks a rule."""
    raise PydanticCustomError("field", "{fault}", {"fault": f"{shown(value)} {rule}"})


def shown(value: object) -> str:
    """A value as a fault shows it."""
    return "null" if value is None else repr(value)[:80]


class StrictModel(BaseModel):
    """A mapping of the file. Null is the same as absent; a field that is unknown is a fault."""

    model_config = ConfigDict(strict=True, frozen=True, arbitrary_types_allowed=True)

    synonyms: ClassVar[Mapping[str, str]] = {}
    """Short names of fields, by which the file may call them, too."""

    @classmethod
    def rules(cls, value: Mapping[str, object], info: ValidationInfo) -> Iterable[Broken]:  # noqa: ARG003
        """What is wrong with the mapping itself, whether or not its fields can be read."""
        return ()

    @model_validator(mode="wrap")
    @classmethod
    def _read(cls, value: object, handler: Callable[[object], Self], info: ValidationInfo) -> Self:
        if not isinstance(value, Mapping):
            refuse(Broken((), f"must be a mapping, not {shown(value)}"))
            raise AssertionError
        names = {cls.synonyms.get(name, name): name for name in value}
        given = {name: value[names[name]] for name in names if value[names[name]] is not None}
        faults = [_detail(one) for one in cls.rules(given, info)]
        faults += [_detail(one, "unknown") for one in cls._unknown(value, names)]
        try:
            read = handler(given)
        except ValidationError as error:
            faults += map(_again, error.errors(include_url=False))
        if faults:
            raise ValidationError.from_exception_data(cls.__name__, faults)
        return read

    @classmethod
    def _unknown(cls, value: Mapping[str, object], names: Mapping[str, str]) -> Iterator[Broken]:
        known = {field.alias or name for name, field in cls.model_fields.items()}
        for name in value:
            real = cls.synonyms.get(name, name)
            if real not in known:
                yield Broken((name,), f"{name!r} is unknown here; known are {', '.join(sorted(known))}")
            elif names[real] != name:
                yield Broken((name,), f"{name} and {names[real]} say the same; keep one of them")


def _again(error: ErrorDetails) -> InitErrorDetails:
    """An error that was found further down, to be raised once more with those of the level above."""
    kind: Any = error["type"]
    if kind in ("rule", "unknown", "field"):
        kind = PydanticCustomError(kind, "{fault}", {"fault": error["msg"]})
    return InitErrorDetails(type=kind, loc=error["loc"], input=error["input"], ctx=error.get("ctx", {}))


def _text(value: object) -> object:
    if isinstance(value, str) and value.strip():
        return value
    wrong(value, f'must be a text; write it in quotes: "{value}"')


Text = Annotated[str, BeforeValidator(_text)]
"""A text that is not empty."""


def whole(at_least: int, at_most: int = WHOLE_LIMIT) -> BeforeValidator:
    """An integer within bounds."""

    def read(value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool) and at_least <= value <= at_most:
            return value
        wrong(value, f"must be a whole number from {at_least} to {at_most}")

    return BeforeValidator(read)


def choice(kind: type[StrEnum]) -> BeforeValidator:
    """One of the names of an enumeration."""

    def read(value: object) -> object:
        if isinstance(value, str) and value in set(kind):
            return kind(value)
        wrong(value, f"is not one of {', '.join(kind)}")

    return BeforeValidator(read)


def reading(read: Callable[[str], object]) -> BeforeValidator:
    """A text that `read` understands; what its ValueError says is the fault."""

    def take(value: object) -> object:
        text = _text(value)
        try:
            return read(str(text))
        except ValueError as unknown:
            raise PydanticCustomError("field", "{fault}", {"fault": f": {unknown}"}) from unknown

    return BeforeValidator(take)


def _money(value: object) -> object:
    if isinstance(value, float):
        wrong(value, "is a float, which cannot hold every price; write it in quotes")
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if text.startswith("-") and _DECIMAL.fullmatch(text[1:]):
        wrong(value, "is negative")
    if not _DECIMAL.fullmatch(text):
        wrong(value, 'must be a decimal number in quotes, like "0.0025"')
    before, _, after = text.lstrip("+").partition(".")
    if len(before) > _MAX_DIGITS or len(after) > _MAX_DIGITS:
        wrong(value, f"has more than {_MAX_DIGITS} digits before or after the point")
    if len(before) > 1 and before.startswith("0"):
        wrong(
            value, f"begins with a zero, by which YAML means an octal number; write {text.lstrip('+0') or 0}"
        )
    return Decimal(text)


Money = Annotated[Decimal, BeforeValidator(_money)]
"""An amount that is not negative: a decimal number as text, or an integer. Never a float."""


def filled(value: object) -> list[object]:
    """A list that is not empty."""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes) and value:
        return list(value)
    wrong(value, "must be a list with at least one entry")


Filled = BeforeValidator(filled)


def entries(value: object) -> object:
    """A mapping from names, which must be texts."""
    if not isinstance(value, Mapping):
        refuse(Broken((), f"must be a mapping, not {shown(value)}"))
        raise AssertionError
    refuse(
        *(
            Broken((), f'{key!r} must be a text; write it in quotes: "{key}"')
            for key in value
            if not isinstance(key, str)
        )
    )
    return dict(value)


Entries = BeforeValidator(entries)


def read_document(model: type[M], loaded: object, context: object = None) -> tuple[M | None, list[str]]:
    """What a document holds, or all that is wrong with it, in the order of its lines.

    `loaded` is a :class:`Document`, or the value of one that never was text.
    """
    document = loaded if isinstance(loaded, Document) else Document(loaded)
    found: list[tuple[Place | None, str]] = [(one.place, one.sentence) for one in document.faults]
    read = None
    try:
        read = model.model_validate(document.value, context=context)
    except ValidationError as error:
        found += [_located(one, document) for one in error.errors(include_url=False)]
    found = list(dict.fromkeys(found))
    found.sort(key=lambda one: one[0] or Place(0, 0))
    return (None if found else read), [f"{place}: {text}" if place else text for place, text in found]


def _located(error: ErrorDetails, document: Document) -> tuple[Place | None, str]:
    kind = error["type"]
    path = _written(error["loc"], document.value) if kind == "field" else error["loc"]
    words = ", ".join(_words(path if kind == "rule" else path[:-1], document.value))
    place = document.keys.get(path) if kind == "unknown" else document.place(path)
    sentence = _sentence(error, path[-1] if path else "")
    return place, f"{words}: {sentence}" if words else sentence


def _written(path: Path, document: object) -> Path:
    """The path as far as the file has it: a text may stand for a list of one entry."""
    value = document
    for length, step in enumerate(path):
        if not isinstance(value, Mapping | list):
            return path[:length]
        value = _inner(value, step)
    return path


def _sentence(error: ErrorDetails, name: str | int) -> str:
    text = error["msg"]
    match error["type"]:
        case "missing":
            return f"{name} is missing"
        case "field":
            return f"{name}{text}" if text.startswith(":") else f"{name} {text}"
        case "rule" | "unknown":
            return text
        case kind:  # pydantic's own, which no field here comes to
            return f"{name}: {text} ({kind})"


def _words(path: Path, document: object) -> Iterator[str]:
    """The place of a value as a reader would say it."""
    value, kind = document, ""
    for step in path:
        value = _inner(value, step)
        if kind:
            if isinstance(step, str) or isinstance(value, Mapping) or kind != "key":
                yield f"{kind} {_name(step, value)}"
            kind = "version" if kind == "plan" and isinstance(value, list) else ""
        elif step in _COLLECTIONS and isinstance(value, Mapping | list):
            kind = _COLLECTIONS[str(step)]
        elif isinstance(value, Mapping):
            yield str(step)


def _inner(value: object, step: str | int) -> object:
    if isinstance(value, Mapping):
        return value.get(step)
    if isinstance(value, Sequence) and isinstance(step, int) and step < len(value):
        return value[step]
    return None


def _name(step: str | int, value: object) -> object:
    """What an entry calls itself, or where it is in its list."""
    if isinstance(step, str):
        return step
    given = value if isinstance(value, Mapping) else {}
    names = (given.get(name) for name in ("id", "version", "metric" if "model" in given else "id"))
    return next((name for name in names if isinstance(name, str)), step + 1)
