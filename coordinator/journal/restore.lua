-- A sale that was put beside takes its place. KEYS head batches index private erased, then the last four beside
-- ARGV name incarnation seal format last hash
local last = redis.call('HGET', KEYS[1], 'last')
if last then return {'there', last} end
for i = 2, 5 do
  if redis.call('EXISTS', KEYS[i + 4]) == 1 then redis.call('RENAME', KEYS[i + 4], KEYS[i]) end
end
redis.call('HSET', KEYS[1], 'name', ARGV[1], 'incarnation', ARGV[2], 'seal', ARGV[3], 'format', ARGV[4],
  'last', ARGV[5], 'hash', ARGV[6])
return {'created'}
