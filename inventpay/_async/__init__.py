# The source of inventpay/_sync/__init__.py; after a change run: python tools/generate_sync.py
"""The shell that waits. Everything that decides is in the package above."""
