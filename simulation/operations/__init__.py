"""The month end while tables are restored, and settings and the reader are changed."""
