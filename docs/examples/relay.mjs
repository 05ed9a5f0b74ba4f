// A relay in a language that the service is not written in, made from docs/protocol.md alone.
//   node relay.mjs http://127.0.0.1:8700 TOKEN record.jsonl        (Node 22; Node 20 with --experimental-websocket)
// What it prints goes into groups: {"group","delivery","attempt","text"}. What it reads was said there: {"group","person","text"}.
import { createHmac, randomUUID } from 'node:crypto'
import { fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
const [url, token, path] = process.argv.slice(2)
async function post(d) { // your platform: gives the message's id; what it throws leaves open whether it is there
  process.stdout.write(JSON.stringify({ group: d.group, delivery: d.id, attempt: d.attempt, text: whole(d.content) }) + '\n')
  return randomUUID()
}
const whole = ({ text, link, coupon }) => [text, ...[link, coupon].filter((a) => a && !text.includes(a))].join('\n')
const begun = new Set() // attempts that were begun, as "d1:1": none begins twice
const untold = new Map() // commands without an answer, by id
const deliveries = new Map(), timers = new Map()
let socket, me, record, position, clock, answered = -Infinity, failures = 0, over = false
const mono = () => performance.now(), now = () => clock.now + (mono() - clock.at) * clock.speed // now: the sale's time
const leads = () => mono() - answered < 2000 // the lease: only an answered ping proves that we were heard
const key = (d) => `${d.delivery ?? d.id}:${d.attempt}`
const open = (d) => d?.relay === me.name && ['requested', 'held'].includes(d.status) && !begun.has(key(d))
function report(of, fields) { // the same id for the same word about the same attempt
  const [delivery, attempt] = of.split(':')
  return { id: `${of}:${fields.outcome}`, kind: 'delivery.report', delivery, attempt: Number(attempt), ...fields }
}
const file = openSync(path, 'a+'), unended = new Set()
function write(line) { writeSync(file, '\n' + JSON.stringify(line)), fsyncSync(file) } // on the disk when it returns
for (const line of readFileSync(path, 'utf8').split('\n')) try {
  const { name, begin, end, told } = JSON.parse(line)
  if (begin) begun.add(begin), unended.add(begin)
  if (end) unended.delete(key(end)), untold.set(end.id, end)
  untold.delete(told), record ??= name
} catch { /* the empty first line, or one that a crash cut short: what it was to say had not happened yet */ }
if (!record) write({ name: record = randomUUID() }) // whose record this is: by it the service knows who comes back
for (const of of unended) tell(report(of, { outcome: 'unknown', why: 'the relay stopped while it was sending' }))
function send(frame) { if (socket?.welcome) socket.send(JSON.stringify(frame)) }
function tell(command) { untold.set(command.id, command), send({ op: 'do', ...command }) } // again with each welcome
function plan() { // whatever is asked for leaves at its instant; `leave` looks again
  for (const d of deliveries.values()) if (open(d) && !timers.has(key(d))) {
    timers.set(key(d), setTimeout(leave, Math.min((d.fire_at - now()) / clock.speed, 60_000), d.id, key(d)))
  }
}
async function leave(id, of) {
  timers.delete(of)
  const d = deliveries.get(id)
  if (!open(d) || key(d) !== of || !leads()) return // gone, replaced, or not ours to send: the next pong plans anew
  if (now() < d.fire_at) return plan() // the clock was stepped, or a timer was early
  let ended = { outcome: 'expired' }
  begun.add(of), write({ begin: of })
  try { if (now() < d.expires_at) ended = { outcome: 'sent', sent_at: Math.round(now()), platform_id: await post(d) } }
  catch (error) { ended = { outcome: 'unknown', why: String(error.name) } }
  write({ end: report(of, ended) }), tell(report(of, ended))
}
function change(some = {}) { for (const [id, d] of Object.entries(some)) d ? deliveries.set(id, d) : deliveries.delete(id) }
function learn(all) { deliveries.clear(), change(all) }
const hear = {
  welcome(f) {
    if (!me) createInterface({ input: process.stdin }).on('line', observe) // nothing is read before there is a member_key
    me = f, socket.welcome = true, failures = 0, clock = { now: f.now, at: mono(), speed: f.speed, trip: Infinity }
    if (!f.recovered) learn(f.state.deliveries)
    for (const command of untold.values()) send({ op: 'do', ...command })
    send({ op: 'ping', sent: mono() })
  },
  snapshot(f) { learn(f.state.deliveries) }, events(f) { change(f.changes.deliveries) },
  pong(f) {
    const trip = mono() - f.sent
    answered = Math.max(answered, f.sent), clock.trip += 0.5 // the best round trip is good for some seconds, not for ever
    if (f.speed !== clock.speed || trip <= clock.trip) clock = { now: f.now, at: f.sent + trip / 2, speed: f.speed, trip }
  },
  done(f) { if (untold.delete(f.id)) write({ told: f.id }) },
  refused(f) { // busy and capped come again; anything else would be refused again
    if (!['busy', 'capped'].includes(f.code)) return console.error(f), hear.done(f)
    setTimeout(() => untold.has(f.id) && send({ op: 'do', ...untold.get(f.id) }), f.details?.retry_ms ?? 250)
  },
  bye(f) { over = !f.retry, socket.later = f.retry_ms, console.error(f) },
}
function observe(line) {
  const { group, person, text } = JSON.parse(line)
  const member = createHmac('sha256', me.member_key).update(`lines:${person}`).digest('hex').slice(0, 20)
  tell({ id: randomUUID(), kind: 'group.observe', group, what: 'message', member, text })
}
function connect() {
  const mine = socket = new WebSocket(url.replace('http', 'ws') + '/ws')
  mine.heard = mono()
  mine.onopen = () => mine.send(JSON.stringify({ op: 'hello', token, record, position }))
  mine.onmessage = ({ data }) => {
    if (mine !== socket) return
    const frame = JSON.parse(data)
    mine.heard = mono(), hear[frame.op](frame), position = frame.position ?? position
    if (mine.welcome) plan()
  }
  mine.onclose = mine.onerror = (e) => { over ||= e.code >= 4100 && e.code < 4200, lost(mine) }
}
function lost(mine) { // a line without a word for 5 s is gone too; a longer pause after each failure
  if (mine !== socket) return
  socket = over ? process.exit(3) : mine.close()
  setTimeout(connect, mine.later ?? Math.min(5000, 100 * 2 ** failures++) * (0.5 + Math.random()))
}
setInterval(() => (socket?.heard < mono() - 5000 ? lost(socket) : send({ op: 'ping', sent: mono() })), 500)
connect()
