-- Sends prepared requests, one per line of the file that BENCH_REQUESTS names:
-- method <tab> path <tab> body <tab> name: value <tab> name: value ...
local requests, at = {}, 0
for line in io.lines(os.getenv("BENCH_REQUESTS")) do
  local parts = {}
  for part in (line .. "\t"):gmatch("([^\t]*)\t") do parts[#parts + 1] = part end
  local headers = {}
  for i = 4, #parts do
    local name, value = parts[i]:match("^([^:]+): (.*)$")
    if name then headers[name] = value end
  end
  requests[#requests + 1] = wrk.format(parts[1], parts[2], headers, parts[3] ~= "" and parts[3] or nil)
end
request = function()
  at = at % #requests + 1
  return requests[at]
end
local failed = 0
response = function(status) if status ~= 200 then failed = failed + 1 end end
done = function(summary, latency)
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), summary.errors.status))
end
