"""How a measurement is made, whatever is measured."""
