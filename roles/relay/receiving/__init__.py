"""Coming back: what groups say and do, on its way to the coordinator.

`seen` is what a source saw, `reading` makes an observation of it (masked, staff and questions told), `inbox` keeps it on
disk until the coordinator has it, `carrying` gives it. `server` is where others hand in, `inlet` the signed way in.
"""
