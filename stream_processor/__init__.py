"""Kinesis to counters: the proof of the protocol. Start at :mod:`stream_processor.processor`."""
