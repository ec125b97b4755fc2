"""Small worlds in which something around the processor changes: its stream, its settings. Start at
:mod:`.stream_schedule` and :mod:`.settings_schedule`.
"""
