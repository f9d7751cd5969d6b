-- Sends the requests of a file in turns. Each line is a path, and for a POST a tab and its JSON body.
local requests, sent = {}, 0
local started = 0

-- Threads begin at different requests, so that they do not all ask for the same.
function setup(thread)
  thread:set("first", started * 31)
  started = started + 1
end

function init(arguments)
  for line in io.lines(arguments[1]) do
    local path, body = line:match("^(.-)\t(.*)$")
    requests[#requests + 1] = body and wrk.format("POST", path, { ["Content-Type"] = "application/json" }, body)
      or wrk.format("GET", line)
  end
  sent = first
end

function request()
  sent = sent + 1
  return requests[sent % #requests + 1]
end

-- Requests, microseconds, errors, and microseconds of the latencies' median and 99th percentile.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("\nsummary %d %d %d %d %d\n", summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
