"""The business of metering: what a call is, whose it is, how calls add up. No AWS, environment or clock."""
