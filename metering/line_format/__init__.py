"""What a line of a log looks like: its JSON, and the names of its fields."""
