"""One AWS endpoint in this process: moto, with services of our own in place of some of its."""
