# The source of inventpay/payouts/_sync/__init__.py; after a change run: python tools/generate_sync.py
"""The shell of payouts: it reads and writes the journal, and waits for the API."""
