"""Where calls come from: the stages of APIs, the subscription filters of log groups, and what AWS counts
there.
"""
