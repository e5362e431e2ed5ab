"""Rate limits: policies, counters, and the headers that report them."""
