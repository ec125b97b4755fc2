"""Differences attributed: the calls that make them up, and why."""
