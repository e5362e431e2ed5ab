-- One step of a seen store: claim, finish, release or due. ../webhooks/seen.py explains the steps, seen.py the messages.
--
-- KEYS: entries by id, ids by key, the times to try a body again, the times to forget an entry, dead letters by id.
-- Times are of this server's clock.

local entries, ids, due_at, forget_at, letters = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local ask, body = cjson.decode(ARGV[1]), ARGV[2]
local clock = redis.call("TIME")
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
local SWEEP = 100 -- entries removed in one step: more than a step adds, and few enough not to delay other clients

local DAY = 86400

local function is_time(value)
  return type(value) == "number" and value > -math.huge and value < math.huge
end

local function is_entry(value)
  if type(value) ~= "table" or type(value.keys) ~= "table" or type(value.token) ~= "string" then return false end
  if value.keys[1] == nil then return false end
  for _, key in pairs(value.keys) do
    if type(key) ~= "string" then return false end
  end
  local has_times = is_time(value.leased) and is_time(value.due) and is_time(value.forget) and is_time(value.attempts)
  return has_times and (value.body == nil or type(value.body) == "string")
end

-- Return an entry. What another program or a fault wrote is removed, and no lease or pause is longer than a day.
local function load(id)
  local found = id and redis.call("HGET", entries, id)
  if not found then return nil end
  local is_packed, entry = pcall(cmsgpack.unpack, found)
  if not is_packed or not is_entry(entry) then
    redis.call("HDEL", entries, id)
    redis.call("ZREM", due_at, id)
    redis.call("ZREM", forget_at, id)
    return nil
  end
  local longest = now + math.max(DAY, ask.lease or 0)
  if entry.leased > longest then entry.leased = now end
  if entry.due > longest then entry.due = now end
  return entry
end

local function drop(id, entry)
  redis.call("HDEL", entries, id)
  redis.call("ZREM", due_at, id)
  redis.call("ZREM", forget_at, id)
  for _, key in ipairs(entry.keys) do redis.call("HDEL", ids, key) end
end

local function save(id, entry)
  redis.call("HSET", entries, id, cmsgpack.pack(entry))
  if entry.body then
    redis.call("ZADD", due_at, math.max(entry.due, entry.leased), id)
    redis.call("ZREM", forget_at, id) -- the delivery was answered, so it is not sent again
  else
    redis.call("ZREM", due_at, id)
    redis.call("ZADD", forget_at, entry.forget, id)
  end
end

-- The keys live as long as what they hold: for ever while a body waits.
local function set_expiry()
  local last = redis.call("ZREVRANGE", forget_at, 0, 0, "WITHSCORES")[2]
  local keeps = redis.call("ZCARD", due_at) > 0
  for _, name in ipairs({entries, ids, due_at, forget_at}) do
    if keeps then
      redis.call("PERSIST", name)
    elseif last then
      redis.call("EXPIRE", name, math.ceil(math.max(tonumber(last) - now, 0)) + DAY)
    end
  end
end

local function add_keys(id, entry, keys)
  for _, key in ipairs(keys) do
    if redis.call("HSETNX", ids, key, id) == 1 then entry.keys[#entry.keys + 1] = key end
  end
end

local function reply(entry)
  return {cjson.encode({keys = entry.keys, attempts = entry.attempts, has_body = entry.body ~= nil}), entry.body or ""}
end

-- Return the entry of a claim that is still valid: it did not end, and no other claim replaced it.
local function held_by(claim)
  for _, key in ipairs(claim.keys) do
    local id = redis.call("HGET", ids, key)
    local entry = load(id)
    if entry and entry.token == claim.token then return id, entry end
  end
end

if ask.step == "claim" then
  for _, id in ipairs(redis.call("ZRANGEBYSCORE", forget_at, "-inf", now, "LIMIT", 0, SWEEP)) do
    local old = load(id)
    if old then drop(id, old) else redis.call("ZREM", forget_at, id) end
  end
  local id, entry
  local held, stored = 0, 0
  for _, key in ipairs(ask.keys) do
    local found = redis.call("HGET", ids, key)
    local candidate = load(found)
    if candidate and not candidate.body and candidate.forget <= now then
      drop(found, candidate)
      candidate = nil
    end
    if candidate then
      if candidate.handled then
        local before = #candidate.keys
        add_keys(found, candidate, ask.aliases)
        if #candidate.keys > before then save(found, candidate) end
        return {"handled"}
      end
      -- A request that is repeated because its reply was lost gets the same reply.
      if candidate.leased > now and candidate.token ~= ask.token then
        held = held + 1
        if candidate.body then stored = stored + 1 end
      end
      if not id then id, entry = found, candidate end
    end
  end
  if held > 0 then return {held == stored and "stored" or "busy"} end
  if not id then
    id, entry = ask.token, {keys = {}, attempts = 0, due = now}
  end
  entry.token, entry.leased, entry.forget = ask.token, now + ask.lease, now + ask.lease + ask.retention
  if ask.has_body then entry.body, entry.due = body, now end
  -- A key whose entry is gone would stay with it for ever.
  for _, names in ipairs({ask.keys, ask.notes}) do
    for _, key in ipairs(names) do
      local found = redis.call("HGET", ids, key)
      if found and found ~= id and not load(found) then redis.call("HDEL", ids, key) end
    end
    add_keys(id, entry, names)
  end
  save(id, entry)
  set_expiry()
  return reply(entry)
end

if ask.step == "letter" then
  redis.call("HSETNX", letters, ask.id, body)
  return {"done"}
end

if ask.step == "due" then
  local id, entry
  repeat
    id = redis.call("ZRANGEBYSCORE", due_at, "-inf", now, "LIMIT", 0, 1)[1]
    entry = load(id)
    -- An id without an entry must not stand before all others.
    if id and not entry then redis.call("ZREM", due_at, id) end
  until entry or not id
  if not entry then return {"nothing"} end
  entry.token, entry.leased, entry.attempts = ask.token, now + ask.lease, entry.attempts + 1
  save(id, entry)
  return reply(entry)
end

local id, entry = held_by(ask)
if not id then return {"over"} end
if entry.handled then return {ask.step == "finish" and ask.again and "done" or "over"} end
if ask.step == "finish" then
  entry.handled, entry.body, entry.forget = true, nil, now + ask.keep
  save(id, entry)
elseif ask.step == "renew" then
  entry.leased = now + ask.lease
  entry.forget = entry.leased + ask.retention
  save(id, entry)
elseif entry.body and not ask.forget then
  entry.leased, entry.due = now, now + ask.retry_in
  save(id, entry)
else
  drop(id, entry)
end
set_expiry()
return {"done"}
