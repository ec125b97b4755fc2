"""What holds for every test."""

from hypothesis import settings

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
"""How long an example takes depends on the machine, and says nothing of what is right."""
