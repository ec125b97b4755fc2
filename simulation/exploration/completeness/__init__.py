"""What `complete_through` says under every schedule of small worlds. Start at :mod:`.schedule`."""
