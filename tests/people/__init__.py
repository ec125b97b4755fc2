"""What three people do with the meter in a quarter of an hour each: an engineer, finance, and a customer."""
