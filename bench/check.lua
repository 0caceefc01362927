-- Check requests of many users, devices and addresses, each at most a few times a minute, as the limits allow.
local threads = 0

function setup(thread)
  thread:set("thread_number", threads)
  threads = threads + 1
end

function init(args)
  key, users = args[1], tonumber(args[2])
  content = args[3] and string.format(',"action_type":"message","content":"%s"', lesson(tonumber(args[3])))
    or ',"action_type":"profile_view"'
  -- Threads and runs begin at different places, or the same users would come at the same time.
  n = (thread_number * 7919 + os.time() * 104729) % users
  headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. key }
end

-- A chat about homework of so many characters.
function lesson(length)
  local line = "For question 3 you get x = 12.5 and the area is 144 square cm; can you send me your work by Tuesday? "
  return string.rep(line, math.ceil(length / #line)):sub(1, length)
end

function request()
  n = (n + 1) % users
  local address = string.format("198.18.%d.%d", math.floor(n / 250) % 256, n % 250 + 1)
  local body = string.format(
    '{"user_id":"bench-%d"%s,"device_id":"bench-device-%d","ip_address":"%s"}', n, content, n, address)
  return wrk.format("POST", nil, headers, body)
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"seconds":%.6f,"mean_us":%.3f,"p50_us":%d,"p99_us":%d,"errors":%d}\n',
    summary.requests, summary.duration / 1e6, latency.mean, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
