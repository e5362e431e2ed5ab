"""Look up every open order: a webhook that never came must not cost a customer the mug.

python reconcile.py        (from cron, every ten minutes)
"""

from pathlib import Path

from orders import Orders

from inventpay import InventPay


def reconcile(folder: Path = Path()) -> None:
    orders = Orders(folder / "orders.sqlite3")
    with InventPay() as client:
        for order in orders.open():
            status = client.payments.status(order["payment_id"])
            if status.is_paid:
                if orders.mark_paid(order["id"]):
                    print("pack a mug for", order["id"])
            elif status.is_final:
                orders.mark_expired(order["id"])


if __name__ == "__main__":
    reconcile()
