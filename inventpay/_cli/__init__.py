"""The command line: ``inventpay``, or ``python -m inventpay``."""
