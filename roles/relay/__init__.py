"""The relay: takes deliveries from a sale's coordinator to chat groups and tells what became of them.

kit        what others build relays with: the public surface
hands      a platform that is somebody's own program
agent      the life of a relay: connect, reconcile, reconnect, stop
config     the YAML file of `dropcue relay`
checking   `dropcue relay check`
machine    its clocks and its chance
disk       a file of its own
adapters/  one file for each platform
sending/   what goes out: the outbox, rate windows, the record of it
receiving/ what groups say and do comes back
wire/      the line to the coordinator, its clock and lease
"""
