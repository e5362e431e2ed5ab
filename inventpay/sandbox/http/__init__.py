"""HTTP as the sandbox serves it: requests, answers, faults, and the way of one call through an endpoint."""
