"""The report of a reconciliation: verdict, JSON, CSV and one HTML page."""
