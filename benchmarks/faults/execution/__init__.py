"""Orders on venues that lose answers, while processes die: nothing doubled, nothing missing, by the venue's own ledger.

`run` is the whole portal under kill -9; `crashes` kills a worker at each named place; `stops` lets one sleep past its
lease. All three end in `compare`.
"""
