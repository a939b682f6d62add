"""The scripts the store runs inside Redis. All keys of one call share a hash tag."""

from __future__ import annotations

NEAREST = """
-- The entries nearest to a vector, in one round trip.
-- KEYS[1] vector set; ARGV: vector (float32 bytes), count, search effort, prefix of entry keys,
-- then the fields that are wanted; the first is one that every entry has.
-- Returns {id, field or false, ...} for each element, nearest first. A vector whose entry has gone
-- is told of too, but does not take the place of one that has its entry: then it looks further.
local wanted = tonumber(ARGV[2])
local function look(count)
  local near = redis.call('VSIM', KEYS[1], 'FP32', ARGV[1], 'COUNT', count, 'EF', ARGV[3])
  local found, entries, gone = {}, 0, 0
  for _, id in ipairs(near) do
    local row = redis.call('HMGET', ARGV[4] .. id, unpack(ARGV, 5))
    if row[1] then entries = entries + 1 else gone = gone + 1 end
    if row[1] or gone <= wanted then
      table.insert(row, 1, id)
      found[#found + 1] = row
    end
    if entries == wanted then break end
  end
  return found, entries, #near
end
local found, entries, seen = look(wanted)
if entries < wanted and seen == wanted then
  found = look(ARGV[3])
end
return found
"""

FORGET = """
-- Removes vectors whose entry has none any more. An entry stored again meanwhile keeps its own.
-- KEYS[1] vector set, KEYS[2] expiries; ARGV: prefix of entry keys, then ids.
for at = 2, #ARGV do
  if redis.call('HEXISTS', ARGV[1] .. ARGV[at], 'v') == 0 then
    redis.call('VREM', KEYS[1], ARGV[at])
  end
  if redis.call('EXISTS', ARGV[1] .. ARGV[at]) == 0 then
    redis.call('ZREM', KEYS[2], ARGV[at])
  end
end
"""

SWEEP = """
-- Removes a slice of what expires at the bound or before, and returns the ids. An entry stored
-- again meanwhile has a later expiry and stays.
-- KEYS[1] expiries, KEYS[2] vector set; ARGV: bound, size of the slice, prefix of entry keys.
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
for _, id in ipairs(ids) do
  redis.call('VREM', KEYS[2], id)
  redis.call('UNLINK', ARGV[3] .. id)
  redis.call('ZREM', KEYS[1], id)
end
return ids
"""

REMOVE = """
-- Removes entries that were asked before the cut; one that was asked later stays.
-- KEYS[1] expiries, KEYS[2] vector set; ARGV: prefix of entry keys, cut (epoch seconds), then ids.
-- Returns {entry} for each that was removed, {} for one that was not there, false for one that
-- stays.
local done = {}
for index = 3, #ARGV do
  local name = ARGV[1] .. ARGV[index]
  local row = redis.call('HMGET', name, 'e', 'at')
  if row[2] and tonumber(row[2]) >= tonumber(ARGV[2]) then
    done[index - 2] = false
  else
    redis.call('VREM', KEYS[2], ARGV[index])
    redis.call('UNLINK', name)
    redis.call('ZREM', KEYS[1], ARGV[index])
    done[index - 2] = {row[1] or nil}
  end
end
return done
"""
