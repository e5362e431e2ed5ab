"""One merchant's payments, withdrawals and balances, with their rules, independent of HTTP."""
