"""The counting half of the meter under faults: whatever a seed draws can be run again.

store      what the ports of storage promise, in memory
faults     what can happen to a write, a batch, a delivery, a shard; and how often
settings   the size and the shape of a world, drawn from its seed
traffic    what API Gateway logs, what CloudWatch Logs makes of it, and what it must add up to
stream     the shards: records, splits and merges
mapping    Lambda's event source mapping in one shard
invocation one run of the shipped processor, which may crash, or stop as a zombie and go on later
world      one seed: traffic, stream, event source mapping, faults
oracle     the comparison of every counter with what was sent
meter      the processor and the store of a world: the shipped ones, or others
dynamodb   the shipped adapters in place of the store in memory
runs       many seeds, on all processors
variants   broken meters, which the comparison must catch
processes  the same question to real processes on a real engine

And of quotas:

quotas         one key with a limit, many authorizers, late counters: what is let through
quotas_store   what the port of leases promises, in memory
quotas_report  limits in both modes, measured
quotas_told    thresholds under the faults of a world
plot           curves as SVG
"""
