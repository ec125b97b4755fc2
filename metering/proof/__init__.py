"""The proof: where counters and lake differ, and how a counter is corrected."""
