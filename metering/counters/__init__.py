"""Counters: what they hold, how they grow by increments, and how complete they are."""
