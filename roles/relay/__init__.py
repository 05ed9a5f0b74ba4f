"""The relay: takes deliveries from a sale's coordinator to chat groups and tells what became of them.

kit       what others build relays with: the public surface
hands     a platform that is somebody's own program
agent     the life of a relay: connect, reconcile, reconnect, stop
line      one connection: the websocket, the clock, `do` and `many` with their answers
post      commands that are kept until they are answered, over as many lines as it takes
outbox    what is to leave, and the instant at which it leaves
lanes     the rate windows of a credential, and what waits for room in them
log       what was begun and what was not yet told, on disk
machine   its clocks and its chance
windows   the platforms' rate windows
config    the YAML file of `dropcue relay`
adapters  one file for each platform
"""
