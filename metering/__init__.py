"""The business of metering: what a call is, whose it is, how calls add up.

No AWS service, environment or clock. One module, :mod:`metering.calls.kpl`, calls a library of AWS's own, for
the format of the Kinesis Producer Library.
"""
