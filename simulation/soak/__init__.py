"""Twenty minutes of the whole meter in a local cloud, while the services around it are slow, hang and refuse,
three times over: `make soak`.
"""
