"""Stored signals through today's rules, on fresh paper accounts, beside what happened then (R7, U2).

`material` reads from this database, once and without writing, all that a replay needs. `child` hands it to a process of
its own with an empty database in a directory that is thrown away; there `scratch` builds it up and `run` sends the
signals through the same code as ever, with the clock set to their time (`tape`: with the prices that were stored).
`ledger` reads what came of it, there and here, and `compare` holds one against the other.
"""
