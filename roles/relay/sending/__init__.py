"""What goes out: from what is announced, over the platforms' rate windows, to a call and its outcome.

outbox     what is to leave, and the instant at which it leaves
lanes      the rate windows of a credential, and what is let out by them
windows    the platforms' rate windows
waiting    who has to wait for room, and until when: told ahead, and kept to
attempts   what has begun: a platform is called, and what it answers is told
limits     what is told of them to the sale
log        what was begun and what was not yet told, on disk
following  what a person does later with what was handed to them
"""
