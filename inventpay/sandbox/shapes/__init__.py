"""The bodies of answers in every documented shape, and the choice between them."""
