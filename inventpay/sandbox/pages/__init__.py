"""What people see of the sandbox: the payer's invoice page and the dashboard, rendered on the server and kept live."""
