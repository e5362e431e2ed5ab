# Generated from inventpay/_async/__init__.py by tools/generate_sync.py. Do not edit.
"""The shell that waits. Everything that decides is in the package above."""
