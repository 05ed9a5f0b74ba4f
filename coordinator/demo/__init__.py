"""The demo: a rehearsal with an audience, simulated or recorded, that comes in over the real wire."""
