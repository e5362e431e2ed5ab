"""Look up every open order: a webhook that never came must not cost a customer the mug.

python reconcile.py        (from cron, every ten minutes)
"""

from pathlib import Path

from orders import Orders

from inventpay import InventPay


def reconcile(folder: Path = Path()) -> None:
    orders = Orders(folder / "orders.sqlite3")
    with InventPay() as client:
        open_orders = {order["payment_id"]: order["id"] for order in orders.open()}
        statuses = client.payments.reconcile(open_orders)
        for status in statuses:
            order_id = open_orders[status.payment_id]
            if status.is_paid:
                if orders.mark_paid(order_id):
                    print("pack a mug for", order_id)
            elif status.is_final:
                orders.mark_expired(order_id)
        for payment_id, error in statuses.failed.items():
            print("ask again for", open_orders[payment_id], error)


if __name__ == "__main__":
    reconcile()
