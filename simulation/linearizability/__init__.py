"""What readers see while others write: each history of operations must fit one order of them."""
