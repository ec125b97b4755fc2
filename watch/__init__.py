"""Watching the meter from outside: heartbeats through the stream, and what waits under the error prefixes."""
