"""What each log group brought, under every schedule of small worlds. Start at :mod:`.schedule`."""
