"""The meter under faults: whatever a seed draws can be run again, with the shipped code.

protocol         the counting half: traffic, shards, event source mapping, writes, and what can go wrong
month_end        the lake, the reconciliation, repairs and sealings of a month, and accidents to all of them
operations       the same month end, with tables that are restored and settings that change between attempts
quotas           limits with many authorizers and late counters; thresholds
source           what lies before the stream: filters deleted, formats changed, lines dropped
exploration      small worlds in every order that can happen, in place of orders that are drawn
linearizability  what readers of the real tables may see
worlds           the kinds of them that the command runs, by name
runs             many seeds of one kind, on all processors
report           what the command prints of them
processes        the same question to real processes on a real engine, which are killed
plot             curves as SVG
"""
