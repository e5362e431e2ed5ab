"""The HTTP layer of the sandbox: requests, answers, faults, and the path of a call through an endpoint."""
