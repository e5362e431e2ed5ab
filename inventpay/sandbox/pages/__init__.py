"""The sandbox's pages: the payer's invoice page and the dashboard, rendered on the server and updated live."""
