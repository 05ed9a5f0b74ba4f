-- An empty sale. KEYS head; ARGV name incarnation seal hash format
local last = redis.call('HGET', KEYS[1], 'last')
if last then return {'there', last} end
redis.call('HSET', KEYS[1], 'name', ARGV[1], 'incarnation', ARGV[2], 'seal', ARGV[3], 'last', 0, 'hash', ARGV[4],
  'format', ARGV[5])
return {'created'}
