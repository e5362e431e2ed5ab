"""Run the cases of ``webhook_cases`` on a store of Django's ORM, and those of transactions in real views.

    python -m tests.support.django_cases FOLDER

A process of its own, since Django's settings are those of a process. Prints a line for each case, and ends with 1 if
one has the wrong value.
"""

# ruff: noqa: E402  settings come before Django, and Django before models

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

FOLDER, ROOT = Path(sys.argv[1]), Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "examples"))
os.environ.update(
    DJANGO_SETTINGS_MODULE="django_shop.settings",
    INVENTPAY_WEBHOOK_SECRET="whsec_of_the_cases",
    DATABASE=str(FOLDER / "shop.sqlite3"),
)

import django
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, TestCase, override_settings
from django.urls import clear_url_caches, path
from django.views.decorators.csrf import csrf_exempt

django.setup()

from django_shop import models, webhooks
from django_shop import urls as shop_urls
from django_shop.seen_store import DjangoSeenStore

from inventpay.webhooks import MemorySeenStore, SQLiteSeenStore, WebhookReceiver

from .deliveries import flat, signed
from .webhook_cases import CASES, Gateway, World

TABLES = (models.Warehouse, models.Order, models.Shipment, models.SeenKey, models.StoredDeadLetter)
WAREHOUSE = webhooks.WAREHOUSE
BODY = flat(orderId="order-1")


def orm_cases() -> Iterator[tuple[str, Callable[[], None]]]:
    """The cases of every store."""
    for gateway in get_args(Gateway):
        for case in CASES:
            world = World(lambda: None, gateway, persists=True, transactional=True)
            world.store = lambda clock=world.clock: DjangoSeenStore(clock=clock)  # type: ignore[misc]
            yield f"{gateway} {case.__name__}", lambda case=case, world=world: case(world)  # type: ignore[misc]


# Views

Ship = Callable[[Any], None]


def plain_view(receiver: WebhookReceiver) -> Callable[[HttpRequest], HttpResponse]:
    """A view as a shop writes it that knows nothing of transactions."""

    @csrf_exempt
    def view(request: HttpRequest) -> HttpResponse:
        answer = receiver.handle(request.body, request.headers)
        return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))

    return view


def documented(seen: Any, ship: Ship) -> Callable[[HttpRequest], HttpResponse]:
    """The view of ``docs/django.md`` with ``non_atomic_requests``, as it stands there."""
    page = (ROOT / "docs" / "django.md").read_text()
    blocks: list[str] = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (block,) = (text for text in blocks if "non_atomic_requests" in text)
    names: dict[str, Any] = {"__name__": __name__, "store": seen, "ship": ship}
    block = block.replace('SQLiteSeenStore("webhooks.sqlite3")', "store")
    exec(compile(block, "docs/django.md", "exec"), names)
    view: Callable[[HttpRequest], HttpResponse] = names["webhooks"]
    return view


class Shop:
    """A view, and deliveries to it."""

    def __init__(self, seen: Any, *, atomic: bool, pattern: bool = False) -> None:
        connection.settings_dict["ATOMIC_REQUESTS"] = atomic
        self.failing: list[Callable[[], None]] = []
        if pattern:
            self.view = documented(seen, self.ship)
        else:
            self.receiver = WebhookReceiver(seen=seen)
            self.receiver.on_paid(self.ship)
            self.view = plain_view(self.receiver)
        models.Warehouse.objects.create(id=WAREHOUSE, name="main")
        models.Order.objects.create(number="order-1", amount=5)

    def ship(self, event: Any) -> None:
        """Write, and then perhaps fail."""
        order = models.Order.objects.get(number=event.order_id)
        models.Shipment.objects.create(order=order, warehouse_id=WAREHOUSE)
        if self.failing:
            self.failing.pop()()

    def deliver(self) -> int:
        """Deliver the event through Django, and return the status."""
        shop_urls.urlpatterns[:] = [path("webhooks/inventpay", self.view)]
        clear_url_caches()
        client = Client(raise_request_exception=False)
        headers = {"X-Webhook-Signature": signed(BODY, "whsec_of_the_cases")["X-Webhook-Signature"]}
        answer = client.post("/webhooks/inventpay", BODY, content_type="application/json", headers=headers)
        return answer.status_code

    def shipped(self) -> int:
        """Return the number of shipments that were committed."""
        return models.Shipment.objects.count()


def c18_the_commit_fails(shop: Shop) -> None:
    """A constraint that is checked at the commit: 500, nothing is noted, and the next delivery ships."""
    models.Warehouse.objects.all().delete()
    assert shop.deliver() == 500
    assert shop.shipped() == 0
    models.Warehouse.objects.create(id=WAREHOUSE, name="repaired")
    assert [shop.deliver() for _ in range(2)] == [200, 200]
    assert shop.shipped() == 1


def c19_the_handler_fails_half_way(shop: Shop) -> None:
    """Its first half is undone, and done once by the next delivery."""

    def fail() -> None:
        raise OSError("the mail server is down")

    shop.failing = [fail, fail]
    assert [shop.deliver() for _ in range(4)] == [500, 500, 200, 200]
    assert shop.shipped() == 1


def the_handler_marks_a_rollback(shop: Shop) -> None:
    """A transaction that is rolled back without an exception counts as a failure, not as handled."""
    shop.failing = [lambda: transaction.set_rollback(True)]
    assert shop.deliver() == 500
    assert shop.shipped() == 0
    assert [shop.deliver() for _ in range(2)] == [200, 200]
    assert shop.shipped() == 1


def view_cases() -> Iterator[tuple[str, Callable[[], None]]]:
    """Each case for each way to write the view."""
    ways: dict[str, Callable[[], Shop]] = {
        "memory, ATOMIC_REQUESTS": lambda: Shop(MemorySeenStore(), atomic=True),
        "SQLite, ATOMIC_REQUESTS": lambda: Shop(_file(), atomic=True),
        "memory, the documented pattern": lambda: Shop(MemorySeenStore(), atomic=True, pattern=True),
        "SQLite, the documented pattern": lambda: Shop(_file(), atomic=True, pattern=True),
        "ORM, ATOMIC_REQUESTS": lambda: Shop(DjangoSeenStore(), atomic=True),
        "ORM": lambda: Shop(DjangoSeenStore(), atomic=False),
    }
    for way, make in ways.items():
        for case in (c18_the_commit_fails, c19_the_handler_fails_half_way, the_handler_marks_a_rollback):
            if case is the_handler_marks_a_rollback and "pattern" in way:
                continue  # atomic() in the shop's own handler is the shop's own
            yield f"{way}: {case.__name__}", lambda make=make, case=case: case(make())  # type: ignore[misc]
    yield "stored events in a view", a_stored_event_is_handled_in_a_view
    yield "inside a TestCase", a_test_case_is_no_transaction


def _file() -> SQLiteSeenStore:
    seen = FOLDER / "seen.sqlite3"
    for left in FOLDER.glob("seen.sqlite3*"):
        left.unlink()
    return SQLiteSeenStore(seen)


def a_stored_event_is_handled_in_a_view() -> None:
    """With ``respond="first"`` and ``recover`` in a view whose commit fails, the event stays stored."""
    shop = Shop(MemorySeenStore(), atomic=True)
    seen = _file()
    receiver = WebhookReceiver(seen=seen, respond="first")
    receiver.on_paid(shop.ship)

    @csrf_exempt
    def view(request: HttpRequest) -> HttpResponse:
        answer = receiver.handle(request.body, request.headers)
        receiver.recover()
        return HttpResponse(answer.body, status=answer.status)

    shop.view = view
    models.Warehouse.objects.all().delete()
    assert shop.deliver() == 500
    models.Warehouse.objects.create(id=WAREHOUSE, name="repaired")
    receiver.recover()
    assert shop.shipped() == 0, "the pause after a failure was not kept"
    seen._run(lambda database, _: database.execute("UPDATE entries SET due_at = 0"))
    assert receiver.recover() == 1
    assert shop.shipped() == 1
    assert shop.deliver() == 200
    assert shop.shipped() == 1


def a_test_case_is_no_transaction() -> None:
    """In a ``TestCase`` of Django nothing is ever committed; an event that was handled is a duplicate all the same."""
    outcomes: list[int] = []

    class Tests(TestCase):
        def test_a_duplicate(self) -> None:
            """A repeated delivery ships nothing."""
            shop = Shop(MemorySeenStore(), atomic=True)
            outcomes.extend(shop.deliver() for _ in range(2))
            assert shop.shipped() == 1

    from unittest import TestResult, TestSuite

    result = TestResult()
    TestSuite([Tests("test_a_duplicate")]).run(result)
    assert not result.errors, result.errors[0][1]
    assert not result.failures, result.failures[0][1]
    assert outcomes == [200, 200]


def main() -> None:
    with connection.schema_editor() as editor:
        for model in TABLES:
            editor.create_model(model)
    failed = 0
    with override_settings(ALLOWED_HOSTS=["*"]):
        for name, run in (*orm_cases(), *view_cases()):
            for model in reversed(TABLES):
                model.objects.all().delete()
            try:
                run()
            except Exception:
                failed += 1
                print(f"{name}: FAILED\n{traceback.format_exc()}")
            else:
                print(f"{name}: ok")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
