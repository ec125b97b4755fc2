"""Botocore's descriptions of services, read once by each pytest process.

A boto3 session reads the description of each service anew, which costs 0.1 s of the processor each time, and
nearly every test of the border makes a session. Loaders of this process share what they have read: the files
belong to the installed botocore, and do not change while tests run.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.loaders import Loader

_read: dict[object, Any] = {}
_init = Loader.__init__


def pytest_configure(config: pytest.Config) -> None:
    """Let all loaders share one cache until the end of the process."""
    patch = pytest.MonkeyPatch()
    patch.setattr(Loader, "__init__", _with_shared_cache)
    config.add_cleanup(patch.undo)


def _with_shared_cache(loader: Loader, *arguments: Any, **options: Any) -> None:
    _init(loader, *arguments, **options)
    loader._cache = _read  # type: ignore[attr-defined]  # noqa: SLF001 - botocore offers no other way
