"""One merchant's payments, withdrawals and balances, with their rules; nothing here knows of HTTP."""
