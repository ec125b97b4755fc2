"""The month end of a simulated world: a lake that loses and alters calls, and an operator in a hurry."""
