"""Repairs, restores and closings under every schedule of small worlds. Start at :mod:`.schedule`."""
