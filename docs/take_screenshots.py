"""Takes the pictures of docs/images from a sandbox with a small story: `python docs/take_screenshots.py`.

Needs Chromium and its driver, and what the tests need.
"""

from __future__ import annotations

import base64
import io
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from PIL import Image
from selenium import webdriver

from inventpay import APIConnectionError, CheckoutItem, ServerError
from inventpay.sandbox import Fault, Sandbox, running_sandbox, webhook_inbox

IMAGES = Path(__file__).parent / "images"
WIDTHS = {"desktop": 1280, "phone": 390}
TALLEST = 1500
SWITCHES = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync")


def play_story(sandbox: Sandbox) -> dict[str, str]:
    """Play a shop's afternoon, and return the ids of the payments to show."""
    sandbox.deposit("USDT_BEP20", 1250)
    sandbox.deposit("BTC", "0.085")
    address = "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"
    with sandbox.client(max_retries=0) as client:

        def pay(amount: str, description: str, currency: str = "USDT_BEP20", **options: Any) -> str:
            payment = client.payments.create(
                amount=amount, amount_currency="USD", currency=currency, description=description, **options
            )
            return payment.payment_id

        store = client.store.create(name="Bean & Leaf")
        beans = client.store.products.create(name="Coffee beans", price="12.50")
        for buyer, bags in (("Ada", 1), ("Grace", 2), ("Edsger", 1)):
            basket = [CheckoutItem(product_id=beans.id, quantity=bags)]
            order = client.store.checkout(store.slug, items=basket, customer_name=buyer, currency="LTC")
            if buyer != "Edsger":
                sandbox.pay(str(order.payment_id))
        sandbox.expire(pay("19.00", "Filter papers"))
        ids = {
            "waiting": pay("29.99", "Hand grinder", order_id="order-1041"),
            "underpaid": pay("64.00", "Espresso cups, set of six", order_id="order-1042"),
            "confirming": pay("240.00", "Gooseneck kettle", "BTC", order_id="order-1043"),
            "paid": pay("89.00", "Scale with timer", order_id="order-1044"),
        }
        invoice = client.invoices.create(
            amount="49.99", amount_currency="USD", description="Tasting course", order_id="order-1045"
        )
        ids["choosing"] = invoice.payment_id
        sandbox.underpay(ids["underpaid"], 40)
        sandbox.pay(ids["confirming"], confirmations=1)
        sandbox.pay(ids["paid"])
        sandbox.complete_withdrawal(
            client.withdrawals.create(amount=300, currency="USDT_BEP20", destination_address=address).withdrawal_id
        )
        client.withdrawals.create(amount=120, currency="USDT_BEP20", destination_address=address)
        sandbox.faults.add(Fault.error(503, retry_after=2), on="GET /v1/merchant/balance")
        sandbox.faults.add(Fault.reset(after_effect=True), on="POST /v1/create_invoice")
        for _ in range(48):
            try:
                client.balances.all()
            except ServerError:
                continue
        for payment_id in ids.values():
            client.payments.status(payment_id)
        with suppress(APIConnectionError):
            client.invoices.create(amount="15", amount_currency="USD", description="Gift card")
        sandbox.faults.add(Fault.slow_start(2), probability=0.05)
    return ids


@contextmanager
def browser() -> Iterator[Any]:
    """A new Chromium without a past."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    with tempfile.TemporaryDirectory() as folder:
        for switch in (*SWITCHES, *QUIET, f"--user-data-dir={folder}"):
            options.add_argument(switch)
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
        try:
            yield driver
        finally:
            driver.quit()


def take(driver: Any, url: str, device: str, scheme: str, name: str) -> None:
    """The page as one picture, with few colours, which is what makes it small."""
    size = {"width": WIDTHS[device], "height": 800, "deviceScaleFactor": 1, "mobile": device == "phone"}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    driver.get(url)
    time.sleep(1)
    whole = driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
    clip = {"x": 0, "y": 0, "width": whole["width"], "height": min(whole["height"], TALLEST), "scale": 1}
    shot = {"format": "png", "captureBeyondViewport": True, "clip": clip}
    png = base64.b64decode(driver.execute_cdp_cmd("Page.captureScreenshot", shot)["data"])
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(200, dither=Image.Dither.NONE)
    target = IMAGES / f"{name}-{device}-{scheme}.png"
    picture.save(target, optimize=True)
    print(f"{target.name}: {picture.width} x {picture.height}, {target.stat().st_size / 1000:.0f} kB")


def main() -> None:
    """Every page on both devices in both colour schemes, and the stages of a payment on a phone."""
    IMAGES.mkdir(exist_ok=True)
    with running_sandbox(Sandbox(seed=1)) as sandbox, webhook_inbox(sandbox) as inbox, browser() as driver:
        ids = play_story(sandbox)
        inbox.wait_for("withdrawal.created")
        for device in WIDTHS:
            for scheme in ("light", "dark"):
                take(driver, f"{sandbox.url}/", device, scheme, "dashboard")
                take(driver, f"{sandbox.url}/invoice/{ids['waiting']}", device, scheme, "invoice")
        for stage in ("choosing", "underpaid", "confirming", "paid"):
            take(driver, f"{sandbox.url}/invoice/{ids[stage]}", "phone", "light", f"invoice-{stage}")


if __name__ == "__main__":
    main()
