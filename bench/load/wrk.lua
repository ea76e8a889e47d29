-- Sends the requests of a file in turn and reports one line of JSON.
--
-- wrk … -s wrk.lua URL -- requests.bin
--
-- The file holds, for each request, its length in decimal, a newline and its bytes. With a single
-- request wrk keeps its own fast path; with several, one Lua call a request picks the next.

local function load(path)
  local file = assert(io.open(path, "rb"))
  local requests = {}
  while true do
    local length = file:read("*n")
    if not length then break end
    file:read(1)
    requests[#requests + 1] = file:read(length)
  end
  file:close()
  return requests
end

function init(args)
  local requests = load(args[1])
  if #requests == 1 then
    wrk.format = function() return requests[1] end
  else
    local index = 0
    request = function()
      index = index % #requests + 1
      return requests[index]
    end
  end
end

function done(summary, latency, _)
  local report = string.format(
    '{"requests":%d,"seconds":%.6f,"bytes":%d,"connect_errors":%d,"read_errors":%d,'
      .. '"write_errors":%d,"status_errors":%d,"timeouts":%d,"p50_us":%d,"p90_us":%d,'
      .. '"p99_us":%d,"p999_us":%d,"max_us":%d}',
    summary.requests, summary.duration / 1e6, summary.bytes, summary.errors.connect,
    summary.errors.read, summary.errors.write, summary.errors.status, summary.errors.timeout,
    latency:percentile(50), latency:percentile(90), latency:percentile(99),
    latency:percentile(99.9), latency.max
  )
  io.write("\nwrk-report ", report, "\n")
end
