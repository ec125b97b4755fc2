"""Invoices: issued once from proven usage, as documents, pages and exports."""
