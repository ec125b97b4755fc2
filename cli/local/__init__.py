"""Commands that run the meter on this machine."""
