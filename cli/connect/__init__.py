"""The commands `connect` and `disconnect`: stages log what the meter reads, and are restored exactly."""
