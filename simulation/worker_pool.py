"""Processes that work for this one, and end when it does.

Python's own pool leaves its processes behind when the process that made it is killed: they wait for tasks, or
go on with one, and nobody reads what they find.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_FAILED: Final = 1
"""The exit code of a worker whose parent is gone."""


def worker_pool(
    workers: int | None = None,
    *,
    start_method: str | None = None,
    tasks_of_a_worker: int | None = None,
    prepare: Callable[[], object] | None = None,
) -> ProcessPoolExecutor:
    """Processes for tasks: this many, or one a processor. `start_method` is one of multiprocessing, or None
    for its default. Each process runs `prepare` first, and does `tasks_of_a_worker` tasks at most.
    """
    context = multiprocessing.get_context(start_method)
    return ProcessPoolExecutor(workers, context, _begin, (prepare,), max_tasks_per_child=tasks_of_a_worker)


def _begin(prepare: Callable[[], object] | None) -> None:
    """The first that a worker does."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if prepare is not None:
        prepare()


def _end_with_parent() -> None:
    """Wait for the end of the parent, however it comes, and end at once."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(_FAILED)
