"""What is between a relay and its coordinator: a connection, the clock and the lease that hang on it, and what it carries.

line      one connection: the websocket, the clock, `do` and `many` with their answers
post      commands that are kept until they are answered, over as many lines as it takes
saletime  the sale's time here, and the right to send
"""
