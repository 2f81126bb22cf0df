-- The requests of a crowd of pages, at a bounded rate; for wrk, started by tools/soak.mjs. Counts requests and replies.

math.randomseed(os.time())
asked = { ["200"] = 0, ["204"] = 0, ["400"] = 0, ["404"] = 0 }
came = {}
local number = 0

local function batch()
  local first, users = 10001 + 50 * math.random(0, 19), {}
  for id = first, first + 49 do
    users[#users + 1] = id
  end
  return "/api/v1/realm/presence?users=%5B" .. table.concat(users, ",") .. "%5D"
end

-- Percentage, status, method, path.
local mix = {
  { 30, "200", "GET", function() return "/api/v1/users/12/presence" end },
  -- Not answered from the cache.
  { 10, "200", "GET", function() return "/api/v1/users/12/presence?x=" .. number end },
  { 25, "200", "GET", batch },
  { 5, "200", "GET", function() return batch() .. "&x=" .. number end },
  { 10, "200", "GET", function() return "/users/" .. math.random(10001, 11000) .. "/presence.svg" end },
  { 10, "400", "GET", function() return "/api/v1/users/" .. math.random(1000000, 9999999) .. "/presence" end },
  { 5, "204", "OPTIONS", function() return "/api/v1/users/12/presence" end },
  { 5, "404", "GET", function() return "/nothing/" .. number end },
}

function request()
  number = number + 1
  local left = math.random(100)
  for _, row in ipairs(mix) do
    left = left - row[1]
    if left <= 0 then
      asked[row[2]] = asked[row[2]] + 1
      local headers = { ["Origin"] = "https://wiki.example.com" }
      if number % 2 == 0 then
        headers["Accept-Encoding"] = "gzip, deflate, br"
      end
      return wrk.format(row[3], row[4](), headers)
    end
  end
end

-- Milliseconds before each request of a connection.
function delay()
  return 5
end

function response(status)
  came[tostring(status)] = (came[tostring(status)] or 0) + 1
end

local thread_seen
function setup(thread)
  thread_seen = thread
end

local function json(counts)
  local parts = {}
  for key, count in pairs(counts) do
    parts[#parts + 1] = string.format('"%s":%d', key, count)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"asked":%s,"came":%s,"p99_ms":%.1f,"socket":%d,"timeout":%d}\n',
    json(thread_seen:get("asked")), json(thread_seen:get("came")), latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write, errors.timeout
  ))
end
