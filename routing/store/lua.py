"""The scripts the store runs inside Redis. All keys of one call share a hash tag."""

from __future__ import annotations

NEAREST = """
-- The entries nearest to a vector, in one round trip.
-- KEYS[1] vector set; ARGV: vector (float32 bytes), count, search effort, prefix of entry keys,
-- then the fields that are wanted; without the first two nothing can be compared.
-- Returns {id, field or false, ...} for each element, nearest first. A vector whose entry has gone
-- is told of too, but does not take the place of one that has its entry: then it looks further.
local wanted = tonumber(ARGV[2])
local function look(count)
  local near = redis.call('VSIM', KEYS[1], 'FP32', ARGV[1], 'COUNT', count, 'EF', ARGV[3])
  local found, entries, gone = {}, 0, 0
  for _, id in ipairs(near) do
    local row = redis.call('HMGET', ARGV[4] .. id, unpack(ARGV, 5))
    local there = row[1] and row[2]
    if there then entries = entries + 1 else gone = gone + 1 end
    if there or gone <= wanted then
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

WRITE = """
-- Writes an entry, unless one lies there that was asked later.
-- KEYS[1] entry, KEYS[2] vector set, KEYS[3] expiries; ARGV: id, entry, when it was asked and until
-- when it is kept (epoch seconds), vectors of the question (float32 bytes) and of the answer
-- (float16 bytes), both empty for none. Returns whether it was written.
local at = redis.call('HGET', KEYS[1], 'at')
if at and tonumber(at) > tonumber(ARGV[3]) then return 0 end
-- First, because a full Redis refuses it, and then nothing of the former entry must be gone.
redis.call('HSET', KEYS[1], 'e', ARGV[2], 'at', ARGV[3], 'v', ARGV[5], 'a', ARGV[6])
redis.call('EXPIREAT', KEYS[1], ARGV[4])
redis.call('ZADD', KEYS[3], ARGV[4], ARGV[1])
if ARGV[6] == '' then redis.call('HDEL', KEYS[1], 'a') end
if ARGV[5] == '' then
  redis.call('HDEL', KEYS[1], 'v')
else
  redis.call('VADD', KEYS[2], 'FP32', ARGV[5], ARGV[1], 'Q8')
end
return 1
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
