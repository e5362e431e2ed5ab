"""A receiver in Django, as type checkers must accept it. Never run."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from inventpay.webhooks import PaidEvent, WebhookReceiver

receiver = WebhookReceiver()


@receiver.on_paid
def fulfil(event: PaidEvent) -> None:
    print(event.order_id)


@csrf_exempt
@require_POST
def view(request: HttpRequest) -> HttpResponse:
    answer = receiver.handle(request.body, request.headers)
    return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))


class Webhooks(View):
    async def post(self, request: HttpRequest) -> HttpResponse:
        answer = await receiver.handle_async(request.body, request.META)
        return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))


urlpatterns = [path("view", view), path("class", csrf_exempt(Webhooks.as_view()))]
