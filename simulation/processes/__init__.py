"""Real processes, killed between any two writes."""
