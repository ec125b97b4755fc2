"""The command `estimate`, and the price lists that it reads."""
