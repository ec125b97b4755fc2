"""Look-ups of usage, quotas and the meter's health over HTTP, and the page that shows them."""
