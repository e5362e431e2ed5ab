"""The pages in a real browser: what a payer and a developer see and do, without ever reloading."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inventpay.sandbox.http.answers import HTML, Answer
from inventpay.sandbox.http.server import run_in_thread
from tests.sandbox.conftest import Api

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium drives the browser")
zxingcpp = pytest.importorskip("zxingcpp", reason="zxing-cpp reads the QR code")
from PIL import Image  # noqa: E402
from selenium.common.exceptions import WebDriverException  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

CHROMIUM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")
# A name that the browser resolves to this machine, as an attacker's name does (DNS rebinding).
EVIL = "evil.example"
# Pixels: two phones, a tablet and a desktop.
WIDTHS = (320, 390, 768, 1280)
SWITCHES = (
    f"--host-resolver-rules=MAP {EVIL} 127.0.0.1",
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1280,900",
)

READY_BUTTONS = """
    const reads = (button) => button.innerText.split("\\n")[0].trim() === arguments[0];
    const ready = (button) => button.checkVisibility() && !button.disabled && reads(button);
    return [...document.querySelectorAll("button, summary")].filter(ready);
"""

pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs Chromium: apt-get install chromium chromium-driver"),
    # A browser may take its time to start on a busy machine.
    pytest.mark.timeout(120),
]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for switch in (*SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def resize(chromium: Any, width: int) -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


class Page:
    """A page that must not be loaded twice, and on which nothing may fail silently."""

    def __init__(self, chromium: Any, url: str) -> None:
        self.chromium = chromium
        chromium.get(url)
        chromium.execute_script("window.loadedOnce = true")

    def find(self, css: str) -> Any:
        return self.chromium.find_element(By.CSS_SELECTOR, css)

    def texts(self, css: str) -> list[str]:
        return [element.text for element in self.chromium.find_elements(By.CSS_SELECTOR, css)]

    def text(self, css: str) -> str:
        return str(self.find(css).text)

    def press(self, text: str) -> None:
        """Clicks the button that reads so, once it is there and ready: sections may be about to change."""

        def ready() -> bool:
            (button,) = self.chromium.execute_script(READY_BUTTONS, text)
            button.click()
            return True

        self.wait_for(ready)

    def wait_for(self, condition: Callable[[], object]) -> None:
        # Elements come and go while a page changes.
        passing = (WebDriverException, ValueError)
        WebDriverWait(self.chromium, 20, 0.02, passing).until(lambda _: condition())

    def check(self) -> None:
        assert self.chromium.execute_script("return window.loadedOnce") is True
        assert self.chromium.get_log("browser") == []


@pytest.fixture
def open_page(chromium: Any, api: Api) -> Iterator[Callable[..., Page]]:
    opened: list[Page] = []

    def open_page(path: str = "/", *, width: int = 1280, dark: bool = False) -> Page:
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
        resize(chromium, width)
        opened.append(Page(chromium, api.server.url + path))
        return opened[-1]

    yield open_page
    if opened:
        opened[-1].check()
    chromium.get("about:blank")  # nothing of this page may fail while the next test begins


def read_qr_code(page: Page) -> str:
    """Return the text that a wallet's camera would read from the screen."""
    picture = Image.open(io.BytesIO(page.find(".qr").screenshot_as_png))
    (code,) = zxingcpp.read_barcodes(picture)
    return str(code.text)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_payer_picks_a_coin_scans_the_code_pays_and_sees_paid(
    api: Api, open_page: Callable[..., Page], dark: bool
) -> None:
    """The whole way of an invoice on one loaded page, on a phone; the code holds the exact payment string."""
    invoice = api.create_invoice(amount=49.99, description="Premium plan")
    page = open_page(f"/invoice/{invoice['paymentId']}", width=390, dark=dark)
    assert page.text("h1") == "49.99 USD"
    assert page.text("[data-stage] h2") == "Choose a coin"
    rate = invoice["conversionRates"]["BTC"]
    assert page.text("[data-coin=BTC] .amount") == f"{rate['cryptoAmount']} BTC at 41,500 USD".replace(" at", "\nat")
    page.find("[data-coin=BTC]").click()
    page.wait_for(lambda: page.text("[data-stage] h2") == "Waiting for your payment")
    status = api.status(invoice["paymentId"])
    assert (status["currency"], page.text("#address")) == ("BTC", status["address"])
    assert read_qr_code(page) == f"btc:{status['address']}?amount={status['requiredAmount']}"
    page.press("Pay in full")
    page.wait_for(lambda: page.text("[data-stage] h2") == "Paid")
    assert f"{status['requiredAmount']} BTC received" in page.text("[data-stage]")
    assert api.status(invoice["paymentId"])["status"] == "COMPLETED"


def test_the_code_of_a_payment_is_the_api_s(api: Api, open_page: Callable[..., Page]) -> None:
    """A payment in a coin shows the `qrCode` of the API's answer."""
    payment = api.create_payment()
    page = open_page(f"/invoice/{payment['paymentId']}")
    assert read_qr_code(page) == payment["qrCode"]


def test_a_payer_who_sent_too_little_is_asked_for_the_rest(api: Api, open_page: Callable[..., Page]) -> None:
    """Part, seen before it is confirmed, then confirmed, then topped up with too much: every step appears by itself."""
    payment = api.create_payment()
    page = open_page(f"/invoice/{payment['paymentId']}")
    page.find("#confirmed").click()
    page.press("Pay part")
    page.wait_for(lambda: page.text("[data-stage] h2") == "Payment seen")
    assert "0 of 12 confirmations" in page.text("[data-stage]")
    assert not page.find("#confirmed").is_selected()
    api.http.post(f"/sandbox/payments/{payment['paymentId']}/confirm", json={"confirmations": 7})
    page.wait_for(lambda: "7 of 12 confirmations" in page.text("[data-stage]"))
    page.press("Confirm")
    page.wait_for(lambda: page.text("[data-stage] h2") == "Not enough yet")
    assert page.text("#amount") == "14.995"
    assert read_qr_code(page) == f"usdt_bep20:{payment['address']}?amount=14.995"
    page.find("#confirmed").click()
    page.press("Pay too much")
    page.wait_for(lambda: "more than asked for" in page.text("[data-stage]"))


def test_time_runs_on_the_page_as_it_does_in_the_sandbox(api: Api, open_page: Callable[..., Page]) -> None:
    """The countdown follows the clock when it is moved, and the page says when the time is up."""
    payment = api.create_payment()
    page = open_page(f"/invoice/{payment['paymentId']}")
    page.wait_for(lambda: page.text("[role=timer]") == "30:00")
    api.clock.advance(29 * 60)
    page.wait_for(lambda: page.text("[role=timer]") == "1:00")
    api.clock.advance(60)
    page.wait_for(lambda: page.text("[data-stage] h2") == "Expired")
    other = open_page(f"/invoice/{api.create_payment()['paymentId']}")
    other.press("Let it fail")
    other.wait_for(lambda: other.text("[data-stage] h2") == "Failed")


def test_all_of_it_works_with_the_keyboard_alone(api: Api, open_page: Callable[..., Page]) -> None:
    """Tab reaches every coin and button in order, with a visible ring; Enter presses them; changes keep the focus."""
    invoice = api.create_invoice()
    page = open_page(f"/invoice/{invoice['paymentId']}")

    def focused() -> Any:
        return page.chromium.switch_to.active_element

    def tab_to(text: str) -> None:
        for _ in range(30):
            page.find("body").send_keys(Keys.TAB) if focused().tag_name == "body" else focused().send_keys(Keys.TAB)
            if text in focused().text:
                outline = focused().value_of_css_property("outline-style")
                assert outline == "solid"
                return
        pytest.fail(f"the keyboard never reached {text!r}")

    tab_to("Litecoin")
    focused().send_keys(Keys.ENTER)
    page.wait_for(lambda: page.text("[data-stage] h2") == "Waiting for your payment")
    tab_to("Pay part")
    focused().send_keys(Keys.ENTER)
    page.wait_for(lambda: page.text("[data-stage] h2") == "Not enough yet")
    page.wait_for(lambda: "Pay part" in focused().text)


def test_the_dashboard_follows_what_happens(api: Api, open_page: Callable[..., Page]) -> None:
    """Payments, balances, withdrawals, limits, requests and the clock change on it while it is open."""
    page = open_page()
    assert "No payments yet" in page.text("#payments")
    payment_id = api.create_payment(description="<b>Bold</b> & brave")["paymentId"]
    page.wait_for(lambda: "<b>Bold</b> & brave" in page.text("#payments"))
    assert page.text("#payments .state") == "Pending"
    assert page.find("#limits progress").get_attribute("value") == "99"
    api.sandbox.pay(payment_id)
    page.wait_for(lambda: page.text("#payments .state") == "Completed")
    assert "USDT_BEP20" in page.text("#balances")
    api.withdraw()
    page.wait_for(lambda: page.texts("#withdrawals .state") == ["Pending"])
    page.press("Complete")
    page.wait_for(lambda: page.texts("#withdrawals .state") == ["Completed"])
    api.get("/v1/merchant/balance/DOGE")
    page.wait_for(lambda: page.texts("#requests .code")[0] == "400")
    assert "/v1/merchant/balance/DOGE" in page.text("#requests tbody tr")
    api.post("/v1/store/manage", {"name": "Beans"})
    bag = {"name": "Bag of beans", "price": 12.5}
    product_id = api.post("/v1/store/manage/products", bag).json()["data"]["id"]
    page.wait_for(lambda: "the store has 1 product" in page.text("#orders"))
    api.post("/v1/store/beans/checkout", {"items": [{"productId": product_id, "quantity": 2}], "currency": "LTC"})
    page.wait_for(lambda: "2 × Bag of beans" in page.text("#orders"))
    api.sandbox.pay(api.sandbox.state.latest_payments(1)[0].payment_id)
    page.wait_for(lambda: page.text("#orders .state") == "Paid")
    page.press("+1 day")
    page.wait_for(lambda: page.text("[data-clock]") == "2024-01-02 12:00:00")
    assert page.find("#limits progress").get_attribute("value") == "100"


def test_the_dashboard_makes_invoices_deposits_and_faults_undone(api: Api, open_page: Callable[..., Page]) -> None:
    """Its forms keep every digit; errors are announced; planned faults are shown and can be removed."""
    page = open_page()
    page.press("New invoice")
    page.find("[data-post='/v1/create_invoice'] [name=amount]").clear()
    page.find("[data-post='/v1/create_invoice'] [name=amount]").send_keys("0.123456789012345678901234567")
    page.press("Create")
    page.wait_for(lambda: page.texts("#payments td.right")[:1] == ["0.123456789012345678901234567 USD"])
    page.press("Give a balance")
    page.find("[data-post='/sandbox/deposit'] [name=amount]").send_keys(".5")
    page.press("Deposit")
    page.wait_for(lambda: "100.5" in page.text("#balances"))
    page.find("[data-post='/sandbox/deposit'] [name=amount]").send_keys("." + "1" * 19)
    page.press("Deposit")
    page.wait_for(lambda: "amount: Must have at most 18 decimal places" in page.text("#alert"))
    page.chromium.get_log("browser")  # the refusal, which the browser reports as well
    api.http.post("/sandbox/faults", json={"kind": "error", "status": 503})
    api.http.post("/sandbox/variants", json={"endpoint": "errors", "variant": "message"})
    page.wait_for(lambda: "every endpoint" in page.text("#trouble"))
    page.press("Call off")
    page.press("Answer as documented")
    page.wait_for(lambda: page.text("#trouble") == "")
    page.press("Reset the sandbox")
    page.wait_for(lambda: "No payments yet" in page.text("#payments"))


def test_a_page_whose_payment_is_gone_says_so(api: Api, open_page: Callable[..., Page]) -> None:
    """After a reset of the sandbox an open invoice page does not stay as if nothing had happened."""
    page = open_page(f"/invoice/{api.create_payment()['paymentId']}")
    api.http.post("/sandbox/reset")
    page.wait_for(lambda: page.text("h1") == "There is no such payment")
    page.chromium.get_log("browser")  # its 404
    open_page()


def test_nothing_runs_out_of_the_window(api: Api, open_page: Callable[..., Page]) -> None:
    """No page scrolls sideways, from the smallest phone on, with long texts and amounts of thirty digits."""
    api.sandbox.deposit("ETH", 1)
    long = api.create_payment(
        amount=123456789.123456,
        currency="ETH",
        description="Donaudampfschifffahrtsgesellschaft" * 10,
        orderId="x" * 100,
    )
    api.withdraw(amount=0.5, currency="ETH")
    for path in ("/", f"/invoice/{long['paymentId']}", f"/invoice/{api.create_invoice()['paymentId']}", "/invoice/x"):
        page = open_page(path, width=WIDTHS[0])
        page.chromium.get_log("browser")
        for width in WIDTHS:
            resize(page.chromium, width)
            assert page.chromium.execute_script("return window.innerWidth") == width
            overflow = page.chromium.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
            assert overflow <= 0, (path, width)
    open_page()


def test_every_control_has_a_name_and_every_picture_a_text(api: Api, open_page: Callable[..., Page]) -> None:
    """Buttons, fields and pictures have names for screen readers, headings are in order, and errors are announced."""
    payment_id = api.create_payment()["paymentId"]
    api.sandbox.deposit("USDT_BEP20", 100)
    api.withdraw()
    for path in ("/", f"/invoice/{payment_id}", f"/invoice/{api.create_invoice()['paymentId']}"):
        page = open_page(path)
        page.chromium.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
        controls = page.chromium.find_elements(
            By.CSS_SELECTOR, "button, a, input, select, summary, progress, [role=img]"
        )
        unnamed = [
            control.get_attribute("outerHTML")
            for control in controls
            if control.get_attribute("aria-hidden") != "true" and not control.accessible_name
        ]
        assert unnamed == []
        assert [
            image.get_attribute("outerHTML") for image in page.chromium.find_elements(By.CSS_SELECTOR, "img:not([alt])")
        ] == []
        levels = [int(heading.tag_name[1]) for heading in page.chromium.find_elements(By.CSS_SELECTOR, "h1, h2, h3")]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert page.find("html").get_attribute("lang") == "en"
        assert page.chromium.find_elements(By.CSS_SELECTOR, "[role=status]")
        assert page.chromium.find_elements(By.CSS_SELECTOR, "[role=alert]")


def test_a_server_that_stops_is_noticed_and_found_again(chromium: Any, tmp_path: Path) -> None:
    """The dashboard reports a stopped server, and continues when the sandbox is back on its port."""
    from inventpay.sandbox import Sandbox

    sandbox = Sandbox()
    with sandbox.run() as server:
        page = Page(chromium, server.url + "/")
        page.wait_for(lambda: page.text("[data-clock]") != "…")
    page.wait_for(lambda: page.find(".lost").is_displayed())
    with sandbox.run(port=server.port):
        sandbox.deposit("BTC", 1)
        page.wait_for(lambda: not page.find(".lost").is_displayed())
        page.wait_for(lambda: "BTC" in page.text("#balances"))
        chromium.get("about:blank")


def test_webhook_deliveries_are_shown_with_their_bodies_and_sent_again(
    api: Api, open_page: Callable[..., Page]
) -> None:
    """The list follows the deliveries; one that is open stays open while others come, and its button repeats it."""
    api.sandbox.webhooks.set_url(api.server.url + "/sandbox/rate-limits")  # which answers anything with 200
    page = open_page()
    payment_id = api.create_payment()["paymentId"]
    page.wait_for(lambda: "Delivered" in page.text("#deliveries .status"))
    page.find("#deliveries summary").click()
    page.wait_for(lambda: f'"paymentId":"{payment_id}"' in page.text("#deliveries pre"))
    api.sandbox.webhooks.set_url(api.server.url + "/nowhere")
    api.sandbox.pay(payment_id, 1)
    page.wait_for(lambda: "Waiting" in page.texts("#deliveries .status"))
    page.press("Deliver again")
    page.wait_for(lambda: any("2 attempts" in text for text in page.texts("#deliveries .attempts")))
    api.sandbox.webhooks.set_url(None)


def test_keys_and_addresses_can_be_copied(api: Api, open_page: Callable[..., Page]) -> None:
    """The copied text is exact, and the page confirms it."""
    payment = api.create_payment()
    page = open_page(f"/invoice/{payment['paymentId']}")
    permission = {"origin": api.server.url, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    page.chromium.execute_cdp_cmd("Browser.grantPermissions", permission)
    page.find("[data-copied='Address copied']").click()
    page.wait_for(lambda: page.text("#notice") == "Address copied")
    read = "const done = arguments[0]; navigator.clipboard.readText().then(done, (error) => done(String(error)))"
    assert page.chromium.execute_async_script(read) == payment["address"]


ATTACK = """
    const done = arguments[arguments.length - 1];
    const post = (body) => fetch(arguments[0] + "/sandbox/deposit", {method: "POST", mode: "no-cors", body});
    post('{"currency": "BTC", "amount": 1}').then(() => done("sent"), (error) => done(String(error)));
"""


def test_a_page_of_another_site_cannot_drive_the_sandbox(chromium: Any, api: Api) -> None:
    """A page of another origin posts a deposit: the request arrives, is refused, and nothing is deposited."""

    async def page(scope: Any, receive: Any, send: Any) -> None:
        await Answer(200, b"<!doctype html><title>Cat pictures</title>", HTML).send(send)

    with run_in_thread(page, "127.0.0.1", 0) as attacker:
        chromium.get(f"http://{EVIL}:{attacker.port}/")
        assert chromium.title == "Cat pictures"
        assert chromium.execute_async_script(ATTACK, f"http://localhost:{api.server.port}") == "sent"
    (refused,) = [entry for entry in api.sandbox.request_log.newest() if entry.path == "/sandbox/deposit"]
    assert (refused.status, "another site" in str(refused.note)) == (403, True)
    assert api.sandbox.balance("BTC").available == 0


def test_a_name_that_resolves_to_this_machine_reads_nothing(chromium: Any, api: Api) -> None:
    """DNS rebinding: under another name neither a page nor the keys and secrets under /sandbox/ can be opened."""
    for path in ("/", "/sandbox/webhooks", "/openapi.json"):
        chromium.get(f"http://{EVIL}:{api.server.port}{path}")
        shown = chromium.page_source
        assert "Request of another site refused" in shown
        assert api.sandbox.api_key not in shown
        assert api.sandbox.webhooks.secret not in shown


def test_its_own_page_works_under_every_name_of_this_machine(chromium: Any, api: Api) -> None:
    """The dashboard's button resets the sandbox under localhost as under an address."""
    for host in ("localhost", "shop.localhost", "127.0.0.1"):
        api.sandbox.deposit("BTC", 1)
        page = Page(chromium, f"http://{host}:{api.server.port}/")
        page.press("Reset the sandbox")
        page.wait_for(lambda: api.sandbox.balance("BTC").available == 0)
