"""A YAML file that decides money or limits, as :mod:`metering.strict_yaml` reads it."""

from __future__ import annotations

from pathlib import Path

from metering.strict_document import Document
from metering.strict_yaml import UnreadableYaml, load_yaml


def read_yaml(path: Path) -> Document:
    """The document in a file.

    Raises:
        UnreadableYaml: it cannot be read, or is no YAML; the file and the place are named.
    """
    try:
        return load_yaml(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UnreadableYaml(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnreadableYaml(f"{path} is not UTF-8: byte {error.start}; save it as UTF-8") from error
    except UnreadableYaml as unreadable:
        raise UnreadableYaml(f"{path}, {unreadable.fault}") from unreadable
