"""Moved to :mod:`metering.ports`; this name goes away."""

from metering.ports import *  # noqa: F403
