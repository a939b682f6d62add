"""The scripts the store runs inside Redis. All keys of one call share a hash tag."""

from __future__ import annotations

NEAREST = """
-- The entries nearest to a vector, in one round trip.
-- KEYS[1] vector set; ARGV: vector (float32 bytes), count, search effort, prefix of entry keys.
-- Returns {id, entry or false, vector or false} for each element, nearest first.
local near = redis.call('VSIM', KEYS[1], 'FP32', ARGV[1], 'COUNT', ARGV[2], 'EF', ARGV[3])
local found = {}
for index, id in ipairs(near) do
  local row = redis.call('HMGET', ARGV[4] .. id, 'e', 'v')
  found[index] = {id, row[1], row[2]}
end
return found
"""
