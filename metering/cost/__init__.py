"""What the meter needs and costs: units of each service from the traffic, and money from the units.

Pure arithmetic, from few measured constants. Read in this order: :mod:`workload`, :mod:`key_spread`,
:mod:`ledger_units`, :mod:`batch`, :mod:`sizing`, :mod:`units`, :mod:`prices`, :mod:`bill`.
"""
