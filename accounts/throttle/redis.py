"""Places in Redis: one script each, by Redis's clock."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

from redis.exceptions import NoScriptError

from tradeops.core.limits import RedisCounters

from .limit import SHORTEST_SPAN, Place
from .store import Taken

# KEYS: for each limit a hash (full_at, held) and a sorted set (its places). ARGV: a number, then for each limit count,
# window, span, interval, cost. Moments are texts with six decimals: Lua's own would have fourteen digits.
_HEAD = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local function text(moment) return string.format('%.6f', moment) end
local function held(state) return tonumber(redis.call('HGET', state, 'held') or 0) end
local limits = {}
for i = 1, #KEYS / 2 do
  local given = {}
  for j = 1, 5 do given[j] = tonumber(ARGV[1 + (i - 1) * 5 + j]) end
  limits[i] = {state = KEYS[2 * i - 1], places = KEYS[2 * i],
               count = given[1], window = given[2], span = given[3], interval = given[4], cost = given[5]}
end
local function keep(key, seconds)
  local kept = math.ceil(seconds * 1000) + 60000
  if redis.call('PTTL', key) < kept then redis.call('PEXPIRE', key, kept) end
end
"""
_TAKE = f"""{_HEAD}
local at = now
for _, limit in ipairs(limits) do
  at = math.max(at, held(limit.state))
  if limit.interval > 0 then
    local full_at = tonumber(redis.call('HGET', limit.state, 'full_at') or 0)
    at = math.max(at, full_at + (limit.cost - 1) * limit.interval - limit.window)
  elseif limit.count > 0 then
    local last = redis.call('ZRANGE', limit.places, -1, -1, 'WITHSCORES')
    if last[2] then at = math.max(at, last[2] + limit.span) end
    local before = limit.count - limit.cost
    local bound = redis.call('ZREVRANGE', limit.places, before, before, 'WITHSCORES')
    if bound[2] then at = math.max(at, bound[2] + limit.window) end
  end
end
local wait = at - now
if wait > tonumber(ARGV[1]) then return {{text(wait), text(at)}} end
for _, limit in ipairs(limits) do
  if limit.interval > 0 then
    local full_at = tonumber(redis.call('HGET', limit.state, 'full_at') or 0)
    redis.call('HSET', limit.state, 'full_at', text(math.max(full_at, at) + limit.cost * limit.interval))
    keep(limit.state, wait + limit.window)
  elseif limit.count > 0 then
    redis.call('ZREMRANGEBYSCORE', limit.places, '-inf', text(now - 2 * limit.window))
    for number = 1, limit.cost do redis.call('ZADD', limit.places, text(at), text(at) .. '/' .. number) end
    keep(limit.places, wait + 2 * limit.window)
  end
end
return {{text(wait), text(at)}}
"""
# ARGV[1] is the place's moment; `used` is put before it as a constant.
_MOVE = f"""{_HEAD}
local taken, at = tonumber(ARGV[1]), now
local function mine(limit) return redis.call('ZSCORE', limit.places, text(taken) .. '/1') end
local function others(limit)
  local found, all = {{}}, redis.call('ZRANGE', limit.places, 0, -1, 'WITHSCORES')
  for number = 2, #all, 2 do
    if text(all[number]) ~= text(taken) then found[#found + 1] = tonumber(all[number]) end
  end
  return found
end
local function apart(limit, moment)
  while text(moment) ~= text(taken) and redis.call('ZSCORE', limit.places, text(moment) .. '/1') do
    moment = moment + {SHORTEST_SPAN}
  end
  return moment
end
local function free(limit, moments, moment, span)
  local before = 0
  while before < #moments and moments[before + 1] <= moment do before = before + 1 end
  local found = moments[before] and moments[before] + span or 0
  local bound = moments[before - limit.count + limit.cost]
  return bound and math.max(found, bound + limit.window) or found
end
local before
repeat -- what one limit puts off has to be right for the others then
  before = at
  for _, limit in ipairs(limits) do
    if not used then at = math.max(at, held(limit.state)) end
    if limit.count > 0 and not used then
      local moments, span = others(limit), {SHORTEST_SPAN}
      local later = free(limit, moments, at, span)
      while later > at do
        at = later
        if at > now + {SHORTEST_SPAN} then span = limit.span end
        later = free(limit, moments, at, span)
      end
    end
  end
until at == before
for _, limit in ipairs(limits) do
  if limit.count > 0 and mine(limit) then
    local moved = used and apart(limit, math.min(now, taken + limit.window)) or at
    for number = 1, limit.cost do
      redis.call('ZREM', limit.places, text(taken) .. '/' .. number)
      redis.call('ZADD', limit.places, text(moved), text(moved) .. '/' .. number)
    end
    keep(limit.places, moved - now + 2 * limit.window)
  end
end
return {{text(at - now), text(at)}}
"""
_AGAIN, _USED = f"local used = false\n{_MOVE}", f"local used = true\n{_MOVE}"
_HOLD = """
local clock = redis.call('TIME')
local till = clock[1] + clock[2] / 1000000 + tonumber(ARGV[1])
for _, state in ipairs(KEYS) do
  if till > tonumber(redis.call('HGET', state, 'held') or 0) then
    redis.call('HSET', state, 'held', string.format('%.6f', till))
    local kept = math.ceil(tonumber(ARGV[1]) * 1000) + 60000
    if redis.call('PTTL', state) < kept then redis.call('PEXPIRE', state, kept) end
  end
end
"""


class RedisStore:
    def __init__(self, counters: RedisCounters) -> None:
        self._counters = counters

    def take(self, places: Sequence[Place], *, longest: float) -> Taken:
        return self._ask(_TAKE, places, longest)

    def again(self, places: Sequence[Place], *, at: float) -> Taken:
        return self._ask(_AGAIN, places, at)

    def used(self, places: Sequence[Place], *, at: float) -> None:
        self._ask(_USED, places, at)

    def hold(self, names: Sequence[str], *, seconds: float) -> None:
        self._run(_HOLD, [self._key(name) for name in names], [seconds])

    def _ask(self, script: str, places: Sequence[Place], number: float) -> Taken:
        keys: list[str] = []
        numbers: list[Any] = [f"{number:.6f}"]
        for place in places:
            keys += [self._key(place.name), self._key(f"{place.name}|places")]
            numbers += [place.count, place.window, place.span, place.interval, place.cost]
        return Taken(*map(float, self._run(script, keys, numbers)))

    def _key(self, name: str) -> str:
        return str(self._counters.client.make_key(f"throttle|{name}"))

    def _run(self, script: str, keys: list[str], values: list[Any]) -> Any:
        client = self._counters.client.get_client(write=True)
        try:
            return client.evalsha(_sum(script), len(keys), *keys, *values)
        except NoScriptError:  # Redis has been started anew
            return client.eval(script, len(keys), *keys, *values)


@cache
def _sum(script: str) -> str:
    """By which Redis knows a script that it has run before (EVALSHA)."""
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
