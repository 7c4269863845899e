package session

import "github.com/redis/go-redis/v9"

// The scripts run on Redis 7.0 and on miniredis. Each is one transition: the
// state and its events change together or not at all. ARGV begins with a name
// for a new epoch, the length of the stream and the lease in ms; what a script
// takes beyond that stands in its first line.

// scriptHead is what all of them share.
const scriptHead = `
local EPOCH, EVENTS, SEATS, OWNERS, NODES, LEASES, CALLS = unpack(KEYS)

-- The present epoch; memory without one, or without events, begins a new one.
local function epoch()
  local e = redis.call('GET', EPOCH)
  if not e or redis.call('EXISTS', EVENTS) == 0 then
    e = ARGV[1]
    redis.call('SET', EPOCH, e)
    redis.call('DEL', EVENTS)
    redis.call('XADD', EVENTS, '*', 'e', e, 'd', '')
  end
  return e
end

local function tell(event)
  redis.call('XADD', EVENTS, 'MAXLEN', '~', ARGV[2], '*', 'e', epoch(), 'd', event)
end

local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function lease(node)
  redis.call('HSET', LEASES, node, string.format('%.0f', now() + ARGV[3]))
end

local function alive(node)
  local ends = redis.call('HGET', LEASES, node)
  return ends and tonumber(ends) > now()
end

-- A hash as a table.
local function hash(key)
  local flat, all = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do all[flat[i]] = flat[i + 1] end
  return all
end
`

func script(body string) *redis.Script { return redis.NewScript(scriptHead + body) }

var (
	scriptHeadID = script(`
local e = epoch()
return {e, redis.call('XREVRANGE', EVENTS, '+', '-', 'COUNT', 1)[1][1]}`)

	scriptTell = script(`
tell(ARGV[4])
return 1`)

	// A weak put, of a seat that is not there, does not take it from a node that
	// has it: the seat has moved.
	scriptPutSeat = script(`
local node, seat, state, event, weak = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
lease(node)
local owner = redis.call('HGET', OWNERS, seat)
if weak == '1' and owner and owner ~= node and alive(owner) then return 0 end
redis.call('HSET', OWNERS, seat, node)
if redis.call('HGET', SEATS, seat) == state then return 0 end
redis.call('HSET', SEATS, seat, state)
tell(event)
return 1`)

	// Answers which of the seats nobody answers for, then what the node is said
	// to have beside them.
	scriptPutNode = script(`
local node, state, event, first = ARGV[4], ARGV[5], ARGV[6], 7
lease(node)
if redis.call('HGET', NODES, node) ~= state then
  redis.call('HSET', NODES, node, state)
  tell(event)
end
local owners, listed, forgotten, others = hash(OWNERS), {}, {}, {}
for i = first, #ARGV do
  listed[ARGV[i]] = true
  if not owners[ARGV[i]] then forgotten[#forgotten + 1] = ARGV[i] end
end
for seat, owner in pairs(owners) do
  if owner == node and not listed[seat] then others[#others + 1] = seat end
end
return {forgotten, others}`)

	// Takes seats, given with their events, away from a node, and the node
	// itself if its event is given.
	scriptRetire = script(`
local node, gone, first = ARGV[4], ARGV[5], 6
for i = first, #ARGV, 2 do
  local seat, event = ARGV[i], ARGV[i + 1]
  if redis.call('HGET', OWNERS, seat) == node then
    redis.call('HDEL', OWNERS, seat)
    redis.call('HDEL', SEATS, seat)
    if event ~= '' then tell(event) end
  end
end
if gone ~= '' then
  redis.call('HDEL', LEASES, node)
  for call, owner in pairs(hash(CALLS)) do
    if owner == node then redis.call('HDEL', CALLS, call) end
  end
  if redis.call('HDEL', NODES, node) == 1 then tell(gone) end
end
return 1`)

	// Answers the nodes that have lapsed and, seat and state in turn, what they
	// had; forgets their calls.
	scriptLapsed = script(`
local known, nodes, seats = {}, {}, {}
local function lapsed(node)
  if known[node] == nil then known[node] = not alive(node) end
  return known[node]
end
for node in pairs(hash(NODES)) do
  if lapsed(node) then nodes[#nodes + 1] = node end
end
for seat, owner in pairs(hash(OWNERS)) do
  if lapsed(owner) then
    seats[#seats + 1] = seat
    seats[#seats + 1] = redis.call('HGET', SEATS, seat) or ''
  end
end
for call, owner in pairs(hash(CALLS)) do
  if lapsed(owner) then redis.call('HDEL', CALLS, call) end
end
return {nodes, seats}`)

	// Takes n nodes away, each given with its event, then marks seats: seat, old
	// state, new state, event. Whoever comes second finds nothing to do.
	scriptReap = script(`
local n, at = tonumber(ARGV[4]), 5
for i = 1, n do
  local node, event = ARGV[at], ARGV[at + 1]
  at = at + 2
  if not alive(node) and redis.call('HDEL', NODES, node) == 1 then
    redis.call('HDEL', LEASES, node)
    tell(event)
  end
end
for i = at, #ARGV, 4 do
  local seat, old, new, event = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local owner = redis.call('HGET', OWNERS, seat)
  if owner and not alive(owner) and (redis.call('HGET', SEATS, seat) or '') == old then
    redis.call('HDEL', OWNERS, seat)
    if new ~= '' then redis.call('HSET', SEATS, seat, new) end
    if event ~= '' then tell(event) end
  end
end
return 1`)

	// One look at everything: epoch, last id, seats, owners, nodes, lost nodes.
	scriptSnapshot = script(`
local e = epoch()
local lost, seen = {}, {}
local function look(node)
  if not seen[node] then
    seen[node] = true
    if not alive(node) then lost[#lost + 1] = node end
  end
end
for node in pairs(hash(NODES)) do look(node) end
for seat, owner in pairs(hash(OWNERS)) do look(owner) end
return {
  e, redis.call('XREVRANGE', EVENTS, '+', '-', 'COUNT', 1)[1][1],
  redis.call('HGETALL', SEATS), redis.call('HGETALL', OWNERS), redis.call('HGETALL', NODES), lost,
}`)

	// Answers whose the call is afterwards.
	scriptClaim = script(`
local call, node = ARGV[4], ARGV[5]
lease(node)
local owner = redis.call('HGET', CALLS, call)
if owner and owner ~= node and alive(owner) then return owner end
redis.call('HSET', CALLS, call, node)
return node`)

	scriptRelease = script(`
local call, node = ARGV[4], ARGV[5]
if redis.call('HGET', CALLS, call) == node then return redis.call('HDEL', CALLS, call) end
return 0`)
)
