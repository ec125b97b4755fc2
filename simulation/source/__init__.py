"""The watch of the source under quiet days and cuts, drawn from seeds: what is named, how soon, and what is
not.
"""
