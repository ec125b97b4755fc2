"""The page's files, read once: their names are fixed then, and no text of a request ever becomes a path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from metering.errors import Misconfigured
from usage_api.etag import etag_of_bytes

FOLDER: Final = Path(__file__).resolve().parent / "page"
INDEX: Final = "index.html"
HTML: Final = "text/html; charset=utf-8"

CONTENT_TYPES: Final = {
    ".html": HTML,
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
}
"""By the end of the name. A file with another end is not served."""

_IS_TEXT: Final = ("text/", "image/svg")


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file as it is sent."""

    content: str | bytes
    """Text is sent as text, since API Gateway takes base64 only for media types that are in its
    configuration.
    """
    content_type: str
    etag: str


@dataclass(frozen=True, slots=True)
class PageFiles:
    """The page and its assets, by the names under which they are asked for."""

    index: PageFile
    assets: Mapping[str, PageFile]
    name: str = "Usage meter"
    """What the page is called."""


def load(folder: Path = FOLDER) -> PageFiles:
    """Read the files of a folder and of those below it. An asset is asked for by its name without folders.

    Raises:
        Misconfigured: there is no page, or two assets have one name.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix in CONTENT_TYPES and path.is_file())
    files = {path: _file(path) for path in paths}
    index = files.pop(folder / INDEX, None)
    if index is None:
        raise Misconfigured([f"{folder / INDEX} is missing: the package was not built whole"])
    assets: dict[str, PageFile] = {}
    for path, file in files.items():
        if path.name in assets:
            raise Misconfigured([f"two files below {folder} are named {path.name}: rename one"])
        assets[path.name] = file
    return PageFiles(index, assets)


def text_file(content: str, content_type: str) -> PageFile:
    """A text that is made, and sent as a file."""
    return PageFile(content, content_type, etag_of_bytes(content.encode()))


def _file(path: Path) -> PageFile:
    content_type, content = CONTENT_TYPES[path.suffix], path.read_bytes()
    is_text = content_type.startswith(_IS_TEXT)
    return PageFile(content.decode() if is_text else content, content_type, etag_of_bytes(content))
