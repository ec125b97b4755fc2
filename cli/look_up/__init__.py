"""Commands that look up usage and health."""
