#!lua name=callboard_1
--[[
The steps that must be atomic, as functions that run inside Redis. Whoever finds them missing loads
them. The number in the names changes with what they do, so that two releases can share one Redis.

A partition's keys all carry its tag, `{p0}` and so on, and so live in one slot:

  {p0}:meta                            hash    run, history, epoch, offset, began
  {p0}:conversation:<id>:head          string  "<epoch> <seq> <last offset>", for 24 hours
  {p0}:conversation:<id>:log           stream  <offset>-0: at "<previous offset> <place>", data
  {p0}:user:<id>:head, {p0}:user:<id>:log      the same

A place is `s<seq>` (the event of this number), `t<seq>` (a receipt, between this event and the next)
or `n` (a notice). What is appended is pushed on the sharded channel of the name without `:head`:

  "e <epoch> <offset> <previous offset> <place>\n<data>"

Nothing here is random: a new epoch is what the caller proposes.
]]

local ABSENT_TOO_OLD = 12 * 3600 * 1000
local HEAD_LIFE = 24 * 3600 * 1000

-- How far the time here is ahead of Redis'. Tests let time pass by it.
local AHEAD = 0

-- The id of this Redis process. An epoch does not outlive the process that began it: one that comes
-- after, a promoted replica or the same server started again, may have lost what came last, and
-- would give its offsets to other things.
local run

-- The history that this process writes, as its replicas know it. A process that was demoted, took
-- over data that lack its own last words, and was promoted again, writes another. Taking over data
-- loads the functions anew, so it is enough to look once for each partition.
local history
local looked_at = {}

-- Whether this process has ever been seen with a replica.
local replicated

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000) + AHEAD
end

-- Whether a time lies so far back that a head, or a cursor, may not remember it.
local function is_old(time)
  return now() - time > ABSENT_TOO_OLD
end

local function whole(number)
  return string.format('%d', number)
end

local function look_around()
  local replication = redis.call('INFO', 'replication')
  replicated = replicated or tonumber(string.match(replication, 'connected_slaves:(%d+)')) > 0
  history = history or string.match(replication, 'master_replid:(%x+)')
  run = run or string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
end

local function begin_epoch(meta, proposed)
  redis.call('HSET', meta, 'run', run, 'history', history, 'epoch', proposed, 'offset', 0,
    'began', whole(now()))
  return proposed
end

-- The epoch of a partition: a new one if there was none, or it is of another process or history.
local function current_epoch(meta, proposed)
  if not run then
    look_around()
  end
  local found = redis.call('HMGET', meta, 'run', 'epoch', 'history')
  local same = found[1] == run and (looked_at[meta] or found[3] == history)
  looked_at[meta] = true
  if same then
    return found[2]
  end
  return begin_epoch(meta, proposed)
end

-- The last number and the last offset of a channel, nothing if it has no head of this epoch.
local function read_head(key, epoch)
  local head = redis.call('GET', key)
  if head then
    local of, seq, last = string.match(head, '^(%x+) (%d+) (%d+)$')
    if of == epoch then
      return tonumber(seq), tonumber(last)
    end
  end
end

-- Appends to one channel. `last` is its last offset, nothing if it has no head.
local function append(partition, head, log, seq, last, place, data)
  local offset = whole(redis.call('HINCRBY', partition.meta, 'offset', 1))
  if not last then
    -- What is left of another epoch: its offsets may be above this one.
    redis.call('DEL', log)
  end
  local at = whole(last or 0) .. ' ' .. place
  redis.call('XADD', log, 'MAXLEN', '=', partition.entries, offset .. '-0', 'at', at, 'data', data)
  redis.call('PEXPIRE', log, partition.life)
  redis.call('SET', head, partition.epoch .. ' ' .. whole(seq) .. ' ' .. offset, 'PX', HEAD_LIFE)
  redis.call('SPUBLISH', string.sub(head, 1, -6),
    'e ' .. partition.epoch .. ' ' .. offset .. ' ' .. at .. '\n' .. data)
end

--[[
Publishes one thing in a conversation, and notices before it, each to its user.

keys: meta, head and log of the conversation, head and log of each user
args: proposed epoch, life of a log in ms, entries in a log, place, time of the commit in ms,
      floor, or an empty one; data, data of each notice
gives: published|duplicate, epoch, 1 if a replica could take over
       next, seq
       absent
]]
local function publish(keys, args)
  local meta, head, log = keys[1], keys[2], keys[3]
  local proposed, kind, number = args[1], string.match(args[4], '^(%a)(%d+)$')
  local epoch = current_epoch(meta, proposed)
  local seq, last = read_head(head, epoch)
  local absent = not seq
  if absent then
    if args[6] == '' then
      return {'absent'}
    end
    seq = math.max(args[6] - 1, 0)
  end
  number = tonumber(number)
  if kind == 's' and number <= seq then
    return {'duplicate', epoch, replicated and '1' or '0'}
  elseif number > (kind == 's' and seq + 1 or seq) then
    -- What a receipt was written after goes first as well: a young receipt that began the head of an
    -- absent channel would hide that the events before it are too old.
    return {'next', whole(seq + 1)}
  elseif kind == 's' then
    seq = number
  end
  -- It may have been published a day ago, and be forgotten: nobody is to get it twice. An epoch that is
  -- younger than that has forgotten nothing yet, so one is enough for all that is old.
  if absent and is_old(args[5]) and is_old(redis.call('HGET', meta, 'began') or 0) then
    epoch = begin_epoch(meta, proposed)
  end
  -- A receipt may have been written after an earlier event than it comes after.
  local place = kind .. whole(seq)
  local partition = {meta = meta, epoch = epoch, life = args[2], entries = args[3]}
  for notice = 1, #args - 7 do
    local user = keys[2 + notice * 2]
    local _, previous = read_head(user, epoch)
    append(partition, user, keys[3 + notice * 2], 0, previous, 'n', args[7 + notice])
  end
  append(partition, head, log, seq, last, place, args[7])
  return {'published', epoch, replicated and '1' or '0'}
end

--[[
Tells how far the partition is. With a channel it says so there too, in order with all that is
pushed: "p <epoch> <offset> <tag>". It writes, whatever it finds: a master that has been demoted, or
has lost its replicas, must refuse.

keys: meta
args: proposed epoch, channel, tag
gives: epoch, offset
]]
local function position(keys, args)
  look_around()
  local epoch = current_epoch(keys[1], args[1])
  redis.call('HSET', keys[1], 'run', run)
  local offset = redis.call('HGET', keys[1], 'offset')
  if args[2] then
    redis.call('SPUBLISH', args[2], 'p ' .. epoch .. ' ' .. offset .. ' ' .. args[3])
  end
  return {epoch, offset}
end

--[[
Reads a channel's head, and its log after an offset.

keys: meta, head, log
args: proposed epoch, offset, the most entries
gives: epoch, and unless nothing was published for a day: seq, last offset, entries
]]
local function read(keys, args)
  local epoch = current_epoch(keys[1], args[1])
  local seq, last = read_head(keys[2], epoch)
  if not seq then
    return {epoch}
  end
  local entries = redis.call('XRANGE', keys[3], '(' .. args[2] .. '-0', '+', 'COUNT', args[3])
  return {epoch, whole(seq), whole(last), entries}
end

redis.register_function('callboard_1_publish', publish)
redis.register_function('callboard_1_position', position)
redis.register_function('callboard_1_read', read)
