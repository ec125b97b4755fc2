"""From a record of the stream to calls, and to rows of the lake."""
