"""Calls: what API Gateway logs of one, how it is read, and what identifies it."""
