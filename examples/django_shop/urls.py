"""The one address of the shop that InventPay knows."""

from django.urls import path

from .webhooks import webhooks

urlpatterns = [path("webhooks/inventpay", webhooks)]
