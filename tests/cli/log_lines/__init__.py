"""Tests of the commands `lines` and `format`."""
