"""Month end: the counters and the lake hold the same calls, or every difference is named."""
