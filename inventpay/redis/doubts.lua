-- One step of the doubt about an idempotency key. doubts.py describes the message; ../_limits/shared_doubts.py the steps.
--
-- The state is JSON: the digest of the request, the time of the first one, and a ticket for every call that may have had
-- an effect. GET and SET suffice for it, so that an account with the rights for the limit has them for this. Times are of
-- this server's clock.

local MOST = 64 -- tickets of one key; a key with more calls in doubt is in doubt until one of them succeeds
local ask = cjson.decode(ARGV[1])
local clock = redis.call("TIME")
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6

local found = redis.pcall("GET", KEYS[1])
if type(found) == "table" and found.err and not string.find(found.err, "WRONGTYPE", 1, true) then return found end

-- A value of another program, or a damaged one, is as good as none.
local function load()
  if type(found) ~= "string" then return nil end
  local is_json, state = pcall(cjson.decode, found)
  if not is_json or type(state) ~= "table" or type(state.digest) ~= "string" then return nil end
  if #state.digest % 2 == 1 or string.find(state.digest, "%X") then return nil end
  if type(state.sent) ~= "number" or state.sent ~= state.sent or type(state.tickets) ~= "table" then return nil end
  state.sent = math.min(state.sent, now) -- the clock was set back
  if now - state.sent >= ask.lifetime then return nil end
  return state
end

local state = load()

local function count()
  local total = 0
  for _ in pairs(state.tickets) do total = total + 1 end
  return total
end

local function holds()
  return state ~= nil and state.tickets[ask.ticket] ~= nil
end

local function forget()
  redis.call("SET", KEYS[1], "", "PX", 1)
  state = nil
end

local function save()
  local left = math.max(state.sent + ask.lifetime - now, 1)
  redis.call("SET", KEYS[1], cjson.encode(state), "PX", math.ceil(left * 1000))
end

local function add()
  state = state or { digest = ask.digest, sent = now, tickets = {} }
  state.sent = math.min(state.sent, now - math.min(ask.age, ask.lifetime - 1))
  if state.tickets[ask.ticket] == nil and count() >= MOST then
    state.tickets[next(state.tickets)] = nil
    state.many = true
  end
  state.tickets[ask.ticket] = 1
  save()
end

local is_counted = holds()
if ask.step == "begin" then
  if not state or (ask.may_join and state.digest == ask.digest) then
    add()
    is_counted = true
  end
elseif ask.step == "publish" then
  -- Another request under the same key, sent while this server was away: from now on none may use it.
  if state and state.digest ~= ask.digest then state.digest = "" end
  add()
elseif ask.step == "take back" and is_counted then
  state.tickets[ask.ticket] = nil
  if count() == 0 and not state.many then forget() else save() end
elseif ask.step == "settle" and is_counted then
  forget()
end

local others = 0
if state then others = count() - (holds() and 1 or 0) + (state.many and 1 or 0) end
return cjson.encode({ others, state and state.digest or "", state and math.max(now - state.sent, 0) or 0, is_counted })
