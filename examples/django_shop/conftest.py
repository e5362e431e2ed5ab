"""A database of its own for each test of the shop."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ["DJANGO_SETTINGS_MODULE"] = "django_shop.settings"
os.environ["INVENTPAY_WEBHOOK_SECRET"] = "sandbox_webhook_secret"


@pytest.fixture(autouse=True, params=[True, False], ids=["ATOMIC_REQUESTS", "no ATOMIC_REQUESTS"])
def database(tmp_path, request):
    import django
    from django.db import connection

    django.setup()
    from django_shop import models

    connection.close()
    connection.settings_dict["NAME"] = str(tmp_path / "shop.sqlite3")
    connection.settings_dict["ATOMIC_REQUESTS"] = request.param
    with connection.schema_editor() as editor:
        for model in (models.Warehouse, models.Order, models.Shipment, models.SeenKey, models.StoredDeadLetter):
            editor.create_model(model)
    yield
    connection.close()
