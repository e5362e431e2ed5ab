-- One exchange between a process and the shared bucket: the process reports the ends of its leases and the answers of the
-- API, and gets new leases. exchange.py describes both messages; token_bucket.py explains the arithmetic. It is the same
-- here, with one addition: a lease may be granted for a later time. It counts as in flight from now until it ends, so
-- nothing in between can make it one too many.
--
-- All times are seconds on the clock of this server. Processes send times as ages.

-- Return the state, and the stamps: a text, the place before their first byte, and their size.
local function read(value)
  local kind, members, name, text_kind, size, place = struct.unpack(">BHc7BI4", value)
  if kind == 222 and name == "\166stamps" and text_kind == 219 then
    local others = cmsgpack.unpack(struct.pack(">BH", 222, members - 1) .. value:sub(place + size))
    return others, value, place - 1, size
  end
  local state = cmsgpack.unpack(value)
  local stamps = state.stamps
  assert(type(stamps) == "string")
  state.stamps = nil
  return state, stamps, 0, #stamps
end

-- Return the new value, its lifetime in seconds, and the reply. Locals that only this function uses are in it: each of
-- those that a function takes from outside costs an object.
local function exchange(value, seconds, microseconds)

local PATIENCE = 0.25 -- seconds by which a process may ask later than its reply named, before others pass it
local REMEMBERED = 600 -- seconds for which a process counts as one of those that share the limit
local SILENCE = 0.1 -- seconds without any request after which an outage may have been the reason
local STARTUP_GRACE = 0.25 -- seconds in which the processes that were sending before an outage have come back
local AT_START = 4 -- leases that are granted until then
local AHEAD = 24 -- one lease for later is granted per this number of the limit
local LONGEST_CALL = 3600 -- seconds that no request takes
local OVERTAKES = 1000000 -- requests of one process that are never under way at once
local NONE = {}
local STEPS = 16 -- number of times of further tokens in a reply

-- The packed members of the request. Those that few requests have follow as JSON.
local process, limit, window, span, unknown, burst, patience, batch, horizon, lead, serial, want, next_number, is_first,
  ended_count, epoch, place = struct.unpack(">sdddddddddddddds", ARGV[1])
local counts_unknown, ask, request_end = unknown == 1, {}, place + 24 * ended_count
if burst == 0 then burst = nil end
if request_end <= #ARGV[1] then ask = cjson.decode(ARGV[1]:sub(request_end)) end

local now = tonumber(seconds) + tonumber(microseconds) / 1e6
local state, text, base, size
if value then
  state, text, base, size = read(value)
  assert(type(state.epoch) == "string" and size % 9 == 0)
else
  text, base, size = "", 0, 0
  state = {
    epoch = seconds .. "." .. microseconds, seen = now, leases = {}, processes = {}, blocked = 0,
    recovery_until = 0, -- time until which nothing is granted
    resumed = now, -- when the last silence ended
    startup_grace_until = now + STARTUP_GRACE, early = 0, -- time until which few leases are granted, and their count
  }
end
local leases, processes = {}, state.processes

-- --- stamps: when requests ended, ascending ---

-- They are text of nine bytes each, a tag and a number in the format of MessagePack, and are read where they are in the
-- stored value: most exchanges look at few of them. Unpacking all, or only copying them, takes longer than the rest.
local stored = size / 9
local added, count = {}, stored -- stamps to be put behind them, and the number of all
local list -- all of them, once they were needed
local found = {} -- results of `after` by time

local unpack_number = struct.unpack
local function stamp(i)
  if i > stored then return added[i - stored] end
  return (unpack_number(">d", text, base + 9 * i - 7))
end

-- All stamps as one text.
local function packed_stamps()
  local kept = text:sub(base + 1, base + 9 * stored)
  if count == stored then return kept end
  local parts = {kept}
  for i, time in ipairs(added) do parts[i + 1] = struct.pack(">Bd", 203, time) end
  return table.concat(parts)
end

local function set_stamps(new)
  text, base, stored, added = new, 0, #new / 9, {}
  count, list, found = stored, nil, {}
end

local function all_stamps()
  if not list then
    list = cmsgpack.unpack("\221" .. struct.pack(">I4", count) .. packed_stamps())
  end
  return list
end

-- The first index whose stamp is later than `time`; the stamps before it are `time` or older.
local function after(time)
  if found[time] then return found[time] end
  if count == 0 or stamp(count) <= time then return count + 1 end
  if stamp(1) > time then return 1 end
  local low, high = 2, count
  while low < high do
    local middle = math.floor((low + high) / 2)
    if stamp(middle) > time then high = middle else low = middle + 1 end
  end
  found[time] = low
  return low
end

local function insert(time)
  if count == 0 or stamp(count) <= time then
    count, list = count + 1, nil
    added[count - stored] = time
    if next(found) then found = {} end
  else
    local before, all = 9 * after(time) - 9, packed_stamps()
    set_stamps(all:sub(1, before) .. struct.pack(">Bd", 203, time) .. all:sub(before + 1))
  end
end

-- If the clock was set back, move all times with it; otherwise no token would be granted until the old time is reached.
local back = state.seen - now
if back > 1 then
  local moved = {}
  for i, time in ipairs(all_stamps()) do moved[i] = struct.pack(">Bd", 203, time - back) end
  set_stamps(table.concat(moved))
  for _, lease in ipairs(state.leases) do lease[3], lease[4] = lease[3] - back, lease[4] - back end
  for _, other in pairs(processes) do other.seen, other.ready_at = other.seen - back, other.ready_at - back end
  if state.refused then state.refused.since = state.refused.since - back end
  if state.named then state.named["until"] = state.named["until"] - back end
  for _, name in ipairs({"promised", "cautious", "recovery_until", "blocked", "resumed", "startup_grace_until", "lost", "outage"}) do
    if state[name] then state[name] = state[name] - back end
  end
  if state.decreased then state.decreased = state.decreased - back end
  if state.pace then state.pace.at = state.pace.at - back end
elseif back > 0 then
  now = state.seen
end

-- No time of a genuine state lies further ahead than this. One that does was written by another program or by a fault, and
-- would stop all processes until then.
local credible = backoff.credible_windows * window -- backoff.py defines the names that begin so
local function near(time, ahead)
  if not time or time <= now + ahead then return time end
  return now + math.min(ahead, window)
end
state.blocked, state.recovery_until = near(state.blocked, credible), near(state.recovery_until, 2 * span)
state.startup_grace_until, state.resumed = near(state.startup_grace_until, STARTUP_GRACE), near(state.resumed, 0)
state.promised, state.cautious = near(state.promised, credible), near(state.cautious, credible + backoff.caution * window)
state.lost, state.outage, state.decreased = near(state.lost, 2 * span), near(state.outage, 0), near(state.decreased, 0)
if state.pause then state.pause = math.min(state.pause, window) end
if state.refused then state.refused.since = near(state.refused.since, 0) end
if state.named then state.named["until"] = near(state.named["until"], credible) end
if state.pace then
  state.pace.at, state.pace.level = near(state.pace.at, 0), math.min(state.pace.level, 2 * limit)
end
while count > 0 and not (stamp(count) <= now + credible + span) do
  if stored < count then added[count - stored] = nil else stored = stored - 1 end
  count, list, found = count - 1, nil, {}
end
for _, other in pairs(processes) do
  other.seen, other.ready_at = near(other.seen, 0), near(other.ready_at, 2 * span)
  other.granted = math.min(other.granted, 4 * limit)
end

-- --- recovery: after lost data or an outage, nothing is granted until unreported requests no longer count ---

if now - state.seen > SILENCE then
  state.resumed = now
  for name, other in pairs(processes) do
    if name ~= process and other.waiting and other.ready_at + 1 < now then
      -- It wanted more leases and did not ask.
      other.waiting, state.startup_grace_until, state.early = false, now + STARTUP_GRACE, 0
    end
  end
end
state.seen = now

local while_it_counts = (counts_unknown and 2 or 1) * span
if epoch ~= "" and epoch ~= state.epoch and not state.lost then
  -- The process has leases from before the oldest data here.
  state.recovery_until = math.max(state.recovery_until, now + while_it_counts)
  state.lost = state.recovery_until
elseif ask.away and now >= state.recovery_until and state.resumed >= now - ask.away and state.outage ~= state.resumed then
  -- No process was served while this one used its own share, so others may have done the same. All of them return to the
  -- shared limit together, when requests that are never reported no longer count.
  state.outage = state.resumed
  state.recovery_until = now + while_it_counts
end

local function charge(time)
  insert(time)
  local pace = state.pace
  if pace then
    -- Charge from the end of the request, or from now if it was unknown before: the later of the two is safe.
    pace.level = math.max(0, pace.level - math.max(0, now - pace.at) * limit / span) + 1
    pace.at = math.max(pace.at, now, time)
  end
end

local forgotten = after(now - 2 * span - math.min(span, 5)) - 1
if forgotten > stored then set_stamps(packed_stamps()) end
if forgotten > 0 then
  base, stored, count, list, found = base + 9 * forgotten, stored - forgotten, count - forgotten, nil, {}
end

if burst and not state.pace then state.pace = {level = 0, at = now} end

-- --- ends of leases ---

local ended, refunded, held = {}, {}, nil
for position = place, request_end - 1, 24 do
  local number, age, is_news = unpack_number(">ddd", ARGV[1], position)
  ended[number] = {number, age, is_news}
end
for _, number in ipairs(ask.refunded or NONE) do refunded[number] = true end
if ask.held then
  held = {}
  for _, number in ipairs(ask.held) do held[number] = true end
end

local me = processes[process] or {granted = 0, seen = now, ready_at = 0, waiting = false, serial = 0}
if me.serial - serial > OVERTAKES then me.serial = 0 end -- see near()
if serial <= me.serial then
  -- A later request arrived first. It contained all these reports, and its process ignores the reply to this one.
  return nil, nil, ""
end
me.serial = serial
me.granted = me.granted * math.exp(-math.max(0, now - me.seen) / (2 * span))

if ask.open then
  local known = {}
  for _, lease in ipairs(state.leases) do
    if lease[1] == process then known[lease[2]] = true end
  end
  for _, open in ipairs(ask.open) do
    -- In flight, and not leased from this state: sent from a process's own share, or before data was lost.
    if not known[open[1]] then
      state.leases[#state.leases + 1] = {process, open[1], now - open[2], now - open[2] + patience}
    end
  end
end
for _, lease in ipairs(state.leases) do
  local number = lease[1] == process and lease[2]
  if number and ended[number] then
    charge(now - ended[number][2])
    ended[number] = nil
  elseif number and refunded[number] then
    me.granted = math.max(0, me.granted - 1)
    if lease[5] then state.promised = math.max(now, lease[3]) end -- for the next call
  elseif number and held and not held[number] then
    me.granted = math.max(0, me.granted - 1) -- granted by a reply that never arrived
  elseif not (lease[4] <= now + credible + 3 * span + LONGEST_CALL) then
    -- Left out: see near().
  elseif lease[4] <= now then
    charge(lease[4]) -- its process has died, or it has expired
  else
    leases[#leases + 1] = lease
  end
end
for _, ending in pairs(ended) do
  -- Leased before this state began, or from a process's own share. Counted once, even if an earlier report may have arrived.
  if ending[3] == 1 or ending[1] < 0 then charge(now - ending[2]) end
end

-- --- responses of the API ---

local function ceiling(lowered)
  if not lowered then return limit end
  local steps = math.max(0, math.floor((now - lowered.since) / (backoff.increase_interval * window)))
  local step = math.min(backoff.increase, backoff.increase_per_request * limit) * limit
  return math.min(limit, lowered.value + step * steps * (1 + (steps / backoff.calm) ^ 2))
end

for _, refusal in ipairs(ask.refusals or NONE) do
  local at, wait = now - refusal[1], refusal[2]
  if wait > 0 and wait <= credible then
    state.blocked = math.max(state.blocked, at + wait)
    state.promised = state.blocked -- one call may go then, independent of the stamps
  elseif at >= state.blocked then
    local pause, first = state.pause or 0, backoff.first_pause * window
    local too_short = at - state.blocked <= pause + backoff.aftermath * window
    state.pause = too_short and math.min(math.max(first, 2 * pause), window) or first
    state.blocked = at + state.pause
  end
  state.cautious = state.blocked + backoff.caution * window -- until then leases go one by one
  local value = ceiling(state.refused)
  if now - (state.decreased or 0) >= backoff.decrease_interval then
    state.decreased = now
    value = value - (value < limit and backoff.decrease or backoff.first_decrease) * limit
  end
  state.refused = {value = math.max(1, value), since = now}
end

local view = ask.view
-- A reset far away belongs to another window, such as a day, and so do the limit and what remains of it.
if view and view.reset > backoff.credible_windows * window then view = nil end
if state.named and state.named["until"] <= now then state.named = nil end
if view and view.limit and view.limit >= 1 and (state.named or view.limit < limit) then
  state.named = {value = math.min(view.limit, limit), ["until"] = now + (view.reset > 0 and view.reset or window)}
end

local ceilings = ceiling(state.refused)
if ceilings >= limit then state.refused = nil end
if state.named then ceilings = math.min(ceilings, state.named.value) end
local effective = math.max(1, math.floor(ceilings + 0.5))

-- --- room: the first time from `time` on with room for one more while `busy` are in flight, and how much there is then ---

local function log_room(time, busy)
  if busy >= effective then return nil end
  local blocker = count + busy - effective + 1
  local free_at = blocker < 1 and time or stamp(blocker) + span
  if free_at <= time then return time, effective - busy - (count + 1 - after(time - span)) end
  return free_at, 1
end

local function counter_room(time, busy)
  local full = count + busy - effective
  local i = math.max(full + 1, after(time - span) - 1)
  local j = after(time - 2 * span) - 1
  if i == j then return time, i - full end -- the window before charges nothing, so only the log counts
  local times, spare = all_stamps(), span * (i - full)
  local entering, leaving = times[i + 1] or math.huge, (times[j + 1] or math.huge) + span
  while true do
    local room, before = i - full, i - j
    local x
    if entering <= leaving then
      x, i = entering, i + 1
      entering = times[i + 1] or math.huge
    else
      x, j = leaving, j + 1
      leaving = (times[j + 1] or math.huge) + span
    end
    if x > time then return time, math.max(1, math.ceil(spare / span - 1e-9)) end
    local left = span * room - before * (x + span - time)
    if left < spare then
      spare = math.max(left, 0)
      if left < 0 then time = math.max(time, x + span - span * room / before) end
    end
  end
end

local function pace_room(time, busy)
  local pace, rate = state.pace, limit / span
  if busy >= burst then return nil end
  local drained = pace.at + (pace.level + busy + 1 - burst) / rate
  if drained > time then return drained, 1 end
  local level = math.max(0, pace.level - math.max(0, time - pace.at) * rate)
  return time, math.max(1, math.floor(burst - level - busy))
end

local function room(time, busy)
  local at, free = log_room(time, busy)
  if at and counts_unknown then
    local log_at, log_free = at, free
    at, free = counter_room(at, busy)
    if at == log_at then free = math.min(free, log_free) end
  end
  if at and burst then
    local paced_at, paced_free = pace_room(at, busy)
    if not paced_at then return nil end
    at, free = paced_at, math.min(free, paced_free)
  end
  return at, free
end

-- The room after a 429: leases one by one for a while, and the one call that the API accepts at the named time.
local is_promise_used, last_granted = false, -math.huge
for _, lease in ipairs(leases) do last_granted = math.max(last_granted, lease[3]) end
do
  local ended_before = after(now) - 1
  if ended_before > 0 then last_granted = math.max(last_granted, stamp(ended_before)) end
end
local function room_or_promise(time, busy)
  local at, free = room(time, busy)
  if at and state.cautious and at < state.cautious then
    at, free = math.max(at, math.min(last_granted + span / limit, state.cautious)), 1
  end
  if state.promised and not is_promise_used and busy < effective then
    local promised = math.max(time, state.promised)
    if not at or promised < at then return promised, 1, true end
  end
  return at, free, state.promised and not is_promise_used and at and at >= state.promised
end

if view and view.remaining then
  -- It was correct at some time since its request was sent; tokens that came back here since then may be missing in it.
  local asked = now - view.asked
  local at, free = room(asked, #leases)
  for number = 0, math.max(0, (at == asked and free or 0) - view.remaining) - 1 do
    -- Another client uses the key. Its tokens come back from the reset on, at the pace of the limit, or after a window.
    insert(view.reset > 0 and now + view.reset - span + number * span / limit or now)
  end
end

-- --- new leases ---

local start = math.max(now, state.blocked)
local allowed = math.min(want, batch)
local behind, yields_until, full_until = 0, math.huge, nil
for name, other in pairs(processes) do
  if now - other.seen > REMEMBERED then
    processes[name] = nil
  elseif name ~= process and other.waiting and other.ready_at + PATIENCE > now then
    -- A waiting process with fewer leases goes first: no process is ahead of it by more than a batch.
    local granted = other.granted * math.exp(-math.max(0, now - other.seen) / (2 * span))
    local lead = math.max(0, math.floor(granted + batch - me.granted))
    allowed = math.min(allowed, lead)
    if lead < 1 then behind, yields_until = behind + 1, math.min(yields_until, other.ready_at) end
  end
end
if behind > 0 then
  -- Of the tokens that are free now, only one is kept for each sleeping process.
  local at, free = room(now, #leases)
  if at == now and start == now then allowed = math.min(want, batch, math.max(0, free - behind)) end
end
if counts_unknown then
  -- A lease for later counts as in flight, which overstates the charge of a counter. So only a few are granted.
  local ahead, latest = 0, now
  for _, lease in ipairs(leases) do
    if lease[3] > now then ahead, latest = ahead + 1, math.max(latest, lease[3]) end
  end
  if ahead >= math.ceil(limit / AHEAD) then allowed, full_until = 0, latest end
end
local is_recovering = now < state.recovery_until
local is_starting = now < state.startup_grace_until
if is_recovering then
  allowed = 0
elseif is_starting then
  allowed = math.min(allowed, math.max(0, AT_START - state.early))
end

local delays, last, until_time, promised_lease = {}, start, nil, nil
while #delays < allowed do
  local at, free, is_promise = room_or_promise(last, #leases + #delays)
  if not at then break end
  if not until_time then until_time = (is_first == 1 and at or start) + horizon end
  if at > until_time then break end
  if is_promise then is_promise_used, free, promised_lease = true, 1, #delays + 1 end
  last_granted = math.max(at, last_granted)
  for _ = 1, math.min(free, allowed - #delays) do delays[#delays + 1] = at - now end
  last = at
end
for i, delay in ipairs(delays) do
  leases[#leases + 1] = {process, next_number + i - 1, now + delay, now + delay + patience, i == promised_lease}
end

if is_starting then state.early = state.early + #delays end

local waiting = #delays < want
if is_promise_used then state.promised = nil end
local next_at, free = room_or_promise(start, #leases)
local free_next, _ = free, nil
if waiting and next_at and next_at > start then _, free_next = room_or_promise(next_at, #leases) end
local again = -1
if waiting then
  if #delays > 0 then
    again = math.max(0, last - now - lead)
  elseif is_recovering then
    again = math.min(state.recovery_until - now, 1)
  elseif is_starting and state.early >= AT_START then
    again = math.max(state.startup_grace_until - now, 0.005)
  elseif full_until then
    again = math.max(full_until - now, 0.005)
  elseif allowed < 1 then
    again = math.min(math.max(yields_until - now, 0.005), span / limit, 0.5)
    -- Before a token is free, no process needs to ask for it.
    if next_at then again = math.max(again, next_at - now - horizon) end
  elseif next_at then
    again = math.max(next_at - now - horizon, 0.002)
  else
    again = math.min(math.max(span / 8, 0.02), 1)
  end
end

me.granted, me.seen, me.waiting, me.ready_at = me.granted + #delays, now, waiting, now + math.max(0, again)
processes[process] = me
local sharing, is_wanted = 0, false
for _, other in pairs(processes) do
  sharing = sharing + 1
  is_wanted = is_wanted or other.waiting
end

state.leases = leases

-- The earliest times at which a sliding log alone has room for the first, (1 + n/16)th, ... further request.
local steps = {}
if waiting or ask.outlook then
  for ahead = 0, effective - 1, math.max(1, math.ceil(effective / STEPS)) do
    local blocker = count + #leases + ahead - effective + 1
    local ended_at = blocker < 1 and -math.huge or blocker > count and now or math.min(stamp(blocker), now)
    steps[#steps + 1] = math.max(0, ended_at + span - now, start - now)
  end
end

local reply = struct.pack(">i4i4i4i4i4i4i4ddddds", -- in the order of `decode`
  #delays,
  next_at == now and free or 0,
  free_next or 1,
  next_at == now and (not is_wanted or is_recovering) and now >= (state.lost or 0) and free or 0,
  sharing,
  effective,
  #leases,
  again,
  next_at and next_at - now or span,
  is_recovering and state.recovery_until - now or 0,
  is_starting and not is_recovering and state.startup_grace_until - now or 0,
  math.max(0, state.blocked - now),
  state.epoch)
for _, delay in ipairs(delays) do reply = reply .. struct.pack(">d", delay) end
for _, step in ipairs(steps) do reply = reply .. struct.pack(">d", step) end

-- The stamps are the first member, so that `read` finds them. An earlier script reads and writes the same map of
-- MessagePack in any order, and processes with both may share a state.
local others = cmsgpack.pack(state)
local kind, members, others_start = others:byte(1) - 128, 0, 2 -- a map of up to 15 members has one byte before them
if kind <= 15 then members = kind else members, others_start = struct.unpack(">H", others, 2) end
for i, time in ipairs(added) do added[i] = struct.pack(">Bd", 203, time) end
value = struct.pack(">BHc7BI4", 222, members + 1, "\166stamps", 219, 9 * count)
  .. text:sub(base + 1, base + 9 * stored) .. table.concat(added) .. others:sub(others_start)
return value, math.max(REMEMBERED, 2 * span + patience), reply

end

-- A value that is no state, or one with members of other types, is replaced by a new state, as after a loss of data.
local clock, value = redis.call("TIME"), redis.call("GET", KEYS[1])
local is_state, packed, kept, reply = false, nil, nil, nil
if value then is_state, packed, kept, reply = pcall(exchange, value, clock[1], clock[2]) end
if not is_state then packed, kept, reply = exchange(nil, clock[1], clock[2]) end
if packed then redis.call("SET", KEYS[1], packed, "PX", math.ceil(kept * 1000)) end
return reply
