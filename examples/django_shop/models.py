"""Orders, and the two tables of the store of handled webhook events."""

from django.db import models


class Warehouse(models.Model):
    name = models.CharField(max_length=100)


class Order(models.Model):
    number = models.CharField(max_length=64, unique=True)
    amount = models.DecimalField(max_digits=18, decimal_places=8)
    payment_id = models.CharField(max_length=64, blank=True)
    is_paid = models.BooleanField(default=False)


class Shipment(models.Model):
    order = models.ForeignKey(Order, on_delete=models.PROTECT)
    warehouse = models.ForeignKey(Warehouse, on_delete=models.PROTECT)


class SeenKey(models.Model):
    key = models.CharField(max_length=80, primary_key=True)
    forget_at = models.FloatField(db_index=True)


class StoredDeadLetter(models.Model):
    id = models.CharField(max_length=64, primary_key=True)
    body = models.BinaryField()
    reason = models.TextField()
    received_at = models.DateTimeField()
    delivery_id = models.TextField(null=True)
