-- The store of several processes, as one script: each operation is atomic, and Redis's clock is the
-- only one. The operations are those of the interface in store.py but `keep` and `recall`, which need
-- no script; times are in milliseconds.
local prefix = 'bitrix24-bridge:'
local operation, member, user = ARGV[1], ARGV[2], ARGV[3]

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function key(kind, who, name)
  return prefix .. cjson.encode({ kind, member, who, name })
end

local cards_key = key('cards', user)

local function card_key(card)
  return key('card', user, card)
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
local function open(card, owner, lease, most)
  if #leased() >= tonumber(most) then
    return false
  end
  local opened = redis.call('INCR', prefix .. 'opened')
  redis.call('HSET', card_key(card), 'owner', owner, 'opened', opened, 'lease', lease)
  redis.call('PEXPIRE', card_key(card), lease)
  redis.call('SADD', cards_key, card)
  redis.call('PEXPIRE', cards_key, 86400000) -- it may outlive its cards, not for long
  return true
end

local function note(card, lease, state, text)
  redis.call('HSET', card_key(card), 'lease', lease, 'state', state, 'text', text)
  redis.call('PEXPIRE', card_key(card), lease)
end

local operations = {}

function operations.claim(card, owner, lease, most, state, text)
  if redis.call('EXISTS', card_key(card)) == 0 and not open(card, owner, lease, most) then
    return 0
  end
  redis.call('HSET', card_key(card), 'owner', owner)
  if text then
    note(card, lease, state, text)
  end
  return 1
end

function operations.say(card, owner, lease, most, state, text)
  -- A card that was silent for too long is one again.
  if redis.call('EXISTS', card_key(card)) == 0 and not open(card, owner, lease, most) then
    return 0
  end
  if redis.call('HGET', card_key(card), 'owner') ~= owner then
    return -1
  end
  note(card, lease, state, text)
  return 1
end

function operations.close(card, owner)
  if redis.call('HGET', card_key(card), 'owner') == owner then
    redis.call('DEL', card_key(card))
    redis.call('SREM', cards_key, card)
  end
end

function operations.cards()
  local cards = {}
  for _, card in ipairs(leased()) do
    local owner, opened, lease, state, text = unpack(
      redis.call('HMGET', card_key(card), 'owner', 'opened', 'lease', 'state', 'text'))
    local age = lease - redis.call('PTTL', card_key(card))
    table.insert(cards, { card, owner, opened, age, state, text })
  end
  return cards
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

return operations[operation](unpack(ARGV, 4))
