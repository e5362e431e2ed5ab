"""InventPay webhooks in Django: a project in one file, of which a view and its URL are what matters.

INVENTPAY_WEBHOOK_SECRET=whsec_... waitress-serve --listen 127.0.0.1:8000 examples.webhooks.django_app:application
"""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from inventpay.webhooks import PaidEvent, WebhookReceiver

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["127.0.0.1", "localhost"])

receiver = WebhookReceiver()
paid_orders = []


@receiver.on_paid
def fulfil(event: PaidEvent):
    paid_orders.append(event.order_id)  # ship it


@csrf_exempt  # deliveries are signed instead
@require_POST
def webhooks(request: HttpRequest) -> HttpResponse:
    answer = receiver.handle(request.body, request.headers)
    return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))


urlpatterns = [path("webhooks/inventpay", webhooks)]
application = get_wsgi_application()
