"""The webhook receiver of the shop, and the handler that ships."""

from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from inventpay.webhooks import WebhookReceiver

from .models import Order, Shipment
from .seen_store import DjangoSeenStore

WAREHOUSE = 1

receiver = WebhookReceiver(seen=DjangoSeenStore())  # the secret from INVENTPAY_WEBHOOK_SECRET


@receiver.on_paid
def ship(event):
    # In the transaction of the event's note: both commit, or neither.
    order = Order.objects.select_for_update().get(number=event.order_id)
    order.is_paid = True
    order.save(update_fields=["is_paid"])
    Shipment.objects.create(order=order, warehouse_id=WAREHOUSE)


@csrf_exempt  # deliveries are signed instead
@require_POST
def webhooks(request):
    answer = receiver.handle(request.body, request.headers)
    return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))
