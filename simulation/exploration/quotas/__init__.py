"""Reserved limits under every schedule of small worlds. Start at :mod:`.schedule`."""
