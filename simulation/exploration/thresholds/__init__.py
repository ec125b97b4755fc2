"""Thresholds that are published, under every schedule of small worlds. Start at :mod:`.schedule`."""
