"""Commands for plans, limits and keys."""
