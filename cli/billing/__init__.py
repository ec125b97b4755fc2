"""Commands for tariffs and invoices."""
