"""The shop can be imported, with the sandbox's secret and a database of the tests."""

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ["INVENTPAY_WEBHOOK_SECRET"] = "sandbox_webhook_secret"
os.environ["DATABASE_URL"] = f"sqlite:///{tempfile.mkdtemp()}/shop.sqlite3"
