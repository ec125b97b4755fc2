"""The end of a process, as faults bring it about."""

from __future__ import annotations


class CrashError(BaseException):
    """The process ends here. No ``except Exception`` survives it; the event source mapping sees a failed
    invocation.
    """
