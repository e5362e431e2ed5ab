"""Rate limits within one process: token buckets, backoff, and the waiters of a class."""
