-- A flush, whole or not at all. KEYS head owner batches index private
-- ARGV fence first last previous hash marks commands body format, then a number and its private part for each
local head = redis.call('HMGET', KEYS[1], 'last', 'hash', 'format')
if not head[1] then return {'none'} end
if (head[3] or '1') ~= ARGV[9] then return {'format', head[3]} end
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[1] then return {'fenced', head[1]} end
if tonumber(head[1]) + 1 ~= tonumber(ARGV[2]) or head[2] ~= ARGV[4] then return {'conflict', head[1]} end
redis.call('XADD', KEYS[3], ARGV[3] .. '-0', 'first', ARGV[2], 'hash', ARGV[5], 'marks', ARGV[6], 'body', ARGV[8])
redis.call('XADD', KEYS[4], ARGV[3] .. '-0', 'commands', ARGV[7])
for i = 10, #ARGV, 2 do redis.call('HSET', KEYS[5], ARGV[i], ARGV[i + 1]) end
redis.call('HSET', KEYS[1], 'last', ARGV[3], 'hash', ARGV[5])
return {'added'}
