"""The source: what happens to calls before they reach the stream. Pure.

Read in this order: :mod:`flow`, :mod:`usual`, :mod:`gap`, :mod:`leg`, :mod:`arrivals`, :mod:`settings`,
:mod:`state`.
"""
