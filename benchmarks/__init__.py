"""How fast and how cheap the meter is, against what one would use instead. `make bench` runs it all."""
