"""Prices: from usage to amounts, statements, invoices and adjustments. Pure; money is Decimal, quantities are
int.
"""
