"""Wait in tasks, threads and forked processes."""
