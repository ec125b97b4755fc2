"""A tariff from a file."""

from __future__ import annotations

from pathlib import Path

from cli.common.yaml_file import read_yaml
from metering.prices.tariff import Tariff
from metering.prices.tariff_file import InvalidTariff, read_tariff
from metering.strict_yaml import UnreadableYaml


def read_tariff_file(path: Path) -> Tariff:
    """The tariff in a file.

    Raises:
        InvalidTariff: it cannot be used; every fault is named, with its place.
    """
    try:
        return read_tariff(read_yaml(path))
    except UnreadableYaml as unreadable:
        raise InvalidTariff([unreadable.fault]) from unreadable
