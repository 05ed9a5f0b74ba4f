-- Private parts and all snapshots. KEYS private erased snapshots; ARGV numbers
for _, seq in ipairs(ARGV) do
  if redis.call('HDEL', KEYS[1], seq) == 1 then redis.call('SADD', KEYS[2], seq) end
end
redis.call('DEL', KEYS[3])
return {'erased'}
