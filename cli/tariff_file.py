"""A tariff from its YAML file, read strictly: what YAML would silently change is kept as it was written.

YAML 1.1 takes `0.10` for a float, `010` for eight, `no` for false, and the second of two equal keys for the
only one. Here a number with a point is text, which the tariff reads as an exact decimal; only plain decimal
integers are numbers, and only `true` and `false` are truths; a key that comes twice is a fault.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from metering.prices.reader import InvalidTariff, read_tariff
from metering.prices.tariff import Tariff

_STR, _INT = "tag:yaml.org,2002:str", "tag:yaml.org,2002:int"
_NULL, _BOOL = "tag:yaml.org,2002:null", "tag:yaml.org,2002:bool"


class _StrictLoader(yaml.SafeLoader):
    """Notes keys that come twice, with their lines, in `faults`."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as PyYAML has it
    faults: list[str]

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - as PyYAML calls it
        names = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        for name, count in names.items():
            if count > 1:
                places = [key.start_mark.line + 1 for key, _ in node.value if key.value == name]
                lines = ", ".join(map(str, places))
                self.faults.append(f"lines {lines}: {name!r} is there {count} times; keep one of them")
        return super().construct_mapping(node, deep)


_StrictLoader.add_implicit_resolver(_NULL, re.compile(r"(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_StrictLoader.add_implicit_resolver(_BOOL, re.compile(r"(?:true|false)$"), ["t", "f"])
_StrictLoader.add_implicit_resolver(_INT, re.compile(r"-?(?:0|[1-9][0-9]*)$"), list("-0123456789"))


def read_tariff_file(path: Path) -> Tariff:
    """The tariff in a file.

    Raises:
        InvalidTariff: it cannot be used; every fault is named, with its place.
    """
    loader = None
    try:
        loader = _StrictLoader(path.read_text(encoding="utf-8-sig"))
        loader.faults = []
        loaded = loader.get_single_data()
    except OSError as error:
        raise InvalidTariff([f"{path} cannot be read: {error.strerror}"]) from error
    except UnicodeDecodeError as error:
        raise InvalidTariff([f"{path} is not UTF-8: byte {error.start}; save it as UTF-8"]) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidTariff([_syntax_fault(path, error)]) from error
    finally:
        if loader is not None:
            loader.dispose()
    return _read(loaded, loader.faults)


def _read(loaded: object, doubled: list[str]) -> Tariff:
    try:
        tariff = read_tariff(loaded)
    except InvalidTariff as invalid:
        raise InvalidTariff([*doubled, *invalid.faults]) from None
    if doubled:
        raise InvalidTariff(doubled)
    return tariff


def _syntax_fault(path: Path, error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"{path}, line {mark.line + 1}, column {mark.column + 1}: no YAML: {error.problem}"
    return f"{path} is no YAML: {' '.join(str(error).split())}"
