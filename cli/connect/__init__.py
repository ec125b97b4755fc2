"""The commands `connect` and `disconnect`: stages of APIs log what the meter reads, and are restored exactly."""
