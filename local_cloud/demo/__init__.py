"""The demo: an access log goes through the whole meter on one machine, and is reconciled."""
