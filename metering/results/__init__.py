"""Results for other programs, row by row: tables for spreadsheets, and JSON."""
