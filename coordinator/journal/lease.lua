-- A sale's lease. KEYS owner; ARGV take|renew|release token other milliseconds
local owner = redis.call('GET', KEYS[1]) or ''
if ARGV[1] == 'take' then
  if owner ~= '' and owner ~= ARGV[3] and owner ~= ARGV[2] then return 0 end
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[4])
  return 1
end
if owner ~= ARGV[2] then return 0 end
if ARGV[1] == 'renew' then return redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return redis.call('DEL', KEYS[1])
