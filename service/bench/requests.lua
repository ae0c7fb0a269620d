-- For wrk: plays a file of requests in a circle and prints what was measured as one line of JSON.
--
-- The file has a line for each request: method, path, session id (or API key) and body, separated by tabs.
-- UNIQUE__ in a body becomes a number that no other request of this run has; it is as long as the
-- number, so that the length of the body holds. One thread plays: the order of the file is the order
-- in which requests start.

local requests, position, serial = {}, 0, 0

function init(args)
  for line in io.lines(args[1]) do
    local method, path, session, body = line:match("^(%u+)\t(%S+)\t(%S+)\t(.*)$")
    local headers = { Cookie = "regsid=" .. session }
    if session:find("^clk_") then
      headers = { Authorization = "Bearer " .. session }
    end
    if body ~= "" then
      headers["Content-Type"] = "application/json"
    else
      body = nil
    end
    local text = wrk.format(method, path, headers, body)
    requests[#requests + 1] = { text = text, unique = text:find("UNIQUE__", 1, true) ~= nil }
  end
end

function request()
  position = position % #requests + 1
  local current = requests[position]
  if not current.unique then
    return current.text
  end
  serial = serial + 1
  return (current.text:gsub("UNIQUE__", string.format("%08d", serial)))
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nMEASURED {"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "max_ms": %.3f, '
      .. '"errors": {"status": %d, "connect": %d, "read": %d, "write": %d, "timeout": %d}}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3,
    errors.status, errors.connect, errors.read, errors.write, errors.timeout
  ))
end
