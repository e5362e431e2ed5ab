# Generated from inventpay/payouts/_async/__init__.py by tools/generate_sync.py. Do not edit.
"""The shell of payouts: it reads and writes the journal, and waits for the API."""
