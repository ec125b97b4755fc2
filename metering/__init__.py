"""The business of metering: what a call is, whose it is, how calls add up. Pure: no AWS, environment or clock."""
