-- The store of several processes, as one script: each operation is atomic, and Redis's clock is the
-- only one. The operations are those of the interface in store.py but `keep` and `recall`, which need
-- no script; times are in milliseconds.
local prefix = 'bitrix24-bridge:'
local since_key = prefix .. 'since'
local operation, member, user = ARGV[1], ARGV[2], ARGV[3]

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function key(kind, who, name)
  return prefix .. cjson.encode({ kind, member, who, name })
end

local cards_key = key('cards', user)
local heard_key = key('heard', user)
local ended_key = key('ended', user)
local ended_here_key = key('ended', '') -- on the whole portal, as its server says
local MOST_CALLS = 50 -- of one user, who may make them up

local function card_key(card)
  return key('card', user, card)
end

-- Calls are kept by the time until which they count; beyond `most`, the oldest go first.
local function remember(calls, call, milliseconds, most)
  redis.call('ZADD', calls, now + milliseconds, call)
  redis.call('ZREMRANGEBYSCORE', calls, '-inf', now)
  if most then
    redis.call('ZREMRANGEBYRANK', calls, 0, -1 - most)
  end
  redis.call('PEXPIRE', calls, milliseconds)
end

local function has(calls, call)
  local till = redis.call('ZSCORE', calls, call)
  return till and tonumber(till) > now
end

local function has_ended(call)
  return has(ended_key, call) or has(ended_here_key, call)
end

local function hear(call, heard)
  remember(heard_key, call, heard, MOST_CALLS)
  -- An end wins as long as anything speaks of its call.
  if has(ended_key, call) then
    remember(ended_key, call, heard, MOST_CALLS)
  end
  if has(ended_here_key, call) then
    remember(ended_here_key, call, heard)
  end
end

-- The cards whose lease has not run out.
local function leased()
  local cards = {}
  for _, card in ipairs(redis.call('SMEMBERS', cards_key)) do
    if redis.call('EXISTS', card_key(card)) == 1 then
      table.insert(cards, card)
    else
      redis.call('SREM', cards_key, card)
    end
  end
  return cards
end

-- Whether there is room for a card that was not there.
local function open(card, owner, lease, heard, most)
  if #leased() >= tonumber(most) then
    return false
  end
  local opened = redis.call('INCR', prefix .. 'opened')
  redis.call('HSET', card_key(card), 'owner', owner, 'opened', opened, 'lease', lease)
  redis.call('PEXPIRE', card_key(card), lease)
  redis.call('SADD', cards_key, card)
  redis.call('PEXPIRE', cards_key, 86400000) -- it may outlive its cards, not for long
  hear('', heard) -- it has not said yet which call it shows
  return true
end

local function note(card, lease, heard, call, state, text)
  local former = redis.call('HGET', card_key(card), 'call')
  if not former or former == '' then
    redis.call('ZREM', heard_key, '') -- this word is of the same call
  end
  redis.call('HSET', card_key(card), 'lease', lease, 'call', call, 'state', state, 'text', text)
  redis.call('PEXPIRE', card_key(card), lease)
  hear(call, heard)
  if state == 'idle' then
    redis.call('ZREM', heard_key, call)
  end
end

-- Whether too little time has passed to know that somebody has no call. Where no process lived, or one
-- could not get here, or Redis lost what it had, events are lost: time begins again.
local function too_early(start, lease, lost)
  if lost == '1' then
    redis.call('SET', since_key, now, 'PX', lease)
  else
    redis.call('SET', since_key, now, 'PX', lease, 'NX')
  end
  return now - redis.call('GET', since_key) < tonumber(start)
end

local operations = {}

function operations.claim(card, owner, lease, heard, most, call, state, text)
  if redis.call('EXISTS', card_key(card)) == 0 and not open(card, owner, lease, heard, most) then
    return 0
  end
  redis.call('HSET', card_key(card), 'owner', owner)
  if call then
    note(card, lease, heard, call, state, text)
  end
  return 1
end

function operations.say(card, owner, lease, heard, most, call, state, text)
  -- A card that was silent for too long is one again.
  if redis.call('EXISTS', card_key(card)) == 0 and not open(card, owner, lease, heard, most) then
    return 0
  end
  if redis.call('HGET', card_key(card), 'owner') ~= owner then
    return -1
  end
  note(card, lease, heard, call, state, text)
  return 1
end

function operations.close(card, owner, heard)
  if redis.call('HGET', card_key(card), 'owner') ~= owner then
    return 0
  end
  local call, state = unpack(redis.call('HMGET', card_key(card), 'call', 'state'))
  redis.call('DEL', card_key(card))
  redis.call('SREM', cards_key, card)
  if state == 'idle' and call ~= '' then
    remember(ended_key, call, heard, MOST_CALLS)
  end
  return 1
end

function operations.start_call(call, heard)
  hear(call, heard)
end

function operations.end_call(call, heard)
  if call ~= '' then
    remember(ended_here_key, call, heard)
  end
  -- A card that closed before its call had an id spoke of this one, or of an earlier one.
  redis.call('ZREM', heard_key, '')
end

function operations.situation(start, lease, lost)
  local cards, heard = {}, too_early(start, lease, lost)
  for _, card in ipairs(leased()) do
    local owner, opened, lease, call, text, state = unpack(
      redis.call('HMGET', card_key(card), 'owner', 'opened', 'lease', 'call', 'text', 'state'))
    local age = lease - redis.call('PTTL', card_key(card))
    table.insert(cards, { card, owner, opened, age, call, state, text, call and has_ended(call) and 1 or 0 })
  end
  for _, call in ipairs(redis.call('ZRANGEBYSCORE', heard_key, '(' .. now, '+inf')) do
    heard = heard or not has_ended(call)
  end
  return { cards, heard and 1 or 0 }
end

function operations.take(address, what, burst, rate)
  local bucket = key('bucket', address, what)
  local level, since = unpack(redis.call('HMGET', bucket, 'level', 'since'))
  level = math.max(0, (level or 0) - (now - (since or now)) / 1000 * rate)
  local fits = level + 1 <= tonumber(burst)
  redis.call('HSET', bucket, 'level', fits and level + 1 or level, 'since', now)
  redis.call('PEXPIRE', bucket, math.ceil((burst + 1) / rate * 1000))
  return fits and 1 or 0
end

function operations.live(start, lease, lost)
  too_early(start, lease, lost)
  redis.call('PEXPIRE', since_key, lease)
end

return operations[operation](unpack(ARGV, 4))
