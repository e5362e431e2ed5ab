"""The command line: ``python -m inventpay``."""
