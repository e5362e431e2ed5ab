"""Every choice the sandbox makes that no public source of the InventPay API states.

The live service may differ in each of them. What is documented stands beside the code that uses it, with its page.
"""

from __future__ import annotations

from decimal import Decimal

from .._api.bounds import IDEMPOTENCY_KEY_LENGTH
from .._credentials import SANDBOX_API_KEY, SANDBOX_WITHDRAWAL_KEY

# --- Keys and access -------------------------------------------------------------------------------------------------

# assumed: test keys exist ("separate test API keys") but no prefix is named; these two cannot be taken for real ones.
API_KEY = SANDBOX_API_KEY
WITHDRAWAL_KEY = SANDBOX_WITHDRAWAL_KEY

# assumed: the answer to a missing or wrong X-Withdrawal-Key beside a valid X-API-Key. The official clients raise 403
# for a missing one before sending anything; the server's own answer is not documented.
WITHDRAWAL_KEY_REFUSED_STATUS = 403
WITHDRAWAL_KEY_REFUSED_ERROR = "Invalid withdrawal key"

# assumed: the merchant; the id is the one of the documentation's samples.
MERCHANT_ID = "cmf123abc456def"
BUSINESS_NAME = "Sandbox Business"

# --- HTTP ------------------------------------------------------------------------------------------------------------

# assumed: the largest request body, in bytes; larger ones are answered with 413. That of keys for a product holds ten
# thousand of 400 characters.
MAX_BODY_BYTES = 1024 * 1024
MAX_KEYS_BODY_BYTES = 4 * 1024 * 1024

# assumed: requests with a body must be sent as application/json; anything else is answered with 415.
JSON_MEDIA_TYPE = "application/json"

# assumed: the `error` text of answers whose body is not documented.
VALIDATION_ERROR = "Validation failed"
NOT_FOUND_ERROR = "Not found"
METHOD_NOT_ALLOWED_ERROR = "Method not allowed"
BODY_TOO_LARGE_ERROR = "Request body too large"
MEDIA_TYPE_ERROR = "Unsupported content type"
FOREIGN_REQUEST_ERROR = "Request of another site refused"
RATE_LIMITED_ERROR = "Rate limit exceeded"
INTERNAL_ERROR = "Internal server error"

# The longest pause a fault can make, in seconds.
MAX_FAULT_SECONDS = 3600

# assumed: the message of a created withdrawal; the only sample shows the envelope without one.
WITHDRAWAL_CREATED_MESSAGE = "Withdrawal created successfully"

# --- Rate limits -----------------------------------------------------------------------------------------------------

# assumed: the length of the window in seconds ("per minute" is documented, how the minute is counted is not). The
# sandbox counts a sliding log by default: a call is refused if the limit was already reached within the last window.
# Refused calls are not counted, and neither are calls without a valid key.
RATE_LIMIT_WINDOW = 60.0

# assumed: header names; the documentation says that every response carries such headers, without their names. Reset is
# in Unix seconds, rounded up: the time at which one more call becomes free.
RATE_LIMIT_HEADER = b"x-ratelimit-limit"
RATE_LIMIT_REMAINING_HEADER = b"x-ratelimit-remaining"
RATE_LIMIT_RESET_HEADER = b"x-ratelimit-reset"

# The other form that can be chosen: the structured fields of the IETF draft "RateLimit header fields for HTTP".
IETF_RATE_LIMIT_HEADER = b"ratelimit"
IETF_RATE_LIMIT_POLICY_HEADER = b"ratelimit-policy"

# assumed: with each 429, in whole seconds, rounded up, at least 1.
RETRY_AFTER_HEADER = b"retry-after"

# assumed: GET /v1/withdrawal/{id} counts as "other", as in the client's table of endpoints; no source says whether
# it is a status check.

# --- Idempotency -----------------------------------------------------------------------------------------------------

# assumed: header names. Documented are only that keys exist and are stored for 24 hours.
IDEMPOTENCY_KEY_HEADER = b"idempotency-key"
IDEMPOTENT_REPLAYED_HEADER = b"idempotent-replayed"

# assumed: a key belongs to one path; "the same request" means the same bytes; only successful answers are stored, so a
# refused request may be repeated with its key; a key has 1 to 255 characters.
MAX_IDEMPOTENCY_KEY_LENGTH = IDEMPOTENCY_KEY_LENGTH
IDEMPOTENCY_MISMATCH_ERROR = "Idempotency key was already used with a different request"
IDEMPOTENCY_RUNNING_ERROR = "A request with this idempotency key is still being processed"

# --- Webhooks --------------------------------------------------------------------------------------------------------

# assumed: the sandbox's secret, always the same, so that a receiver can be configured before the sandbox runs. Real
# ones have no documented prefix; this one cannot be taken for one. It stays the same when the URL changes.
WEBHOOK_SECRET = "sandbox_webhook_secret"

# assumed: X-Webhook-ID is the id of the delivery (one event to one URL), the same for each of its attempts.
# assumed: an event goes to the merchant's URL and to the payment's callbackUrl, signed with the same secret, once where
# both are the same URL. What happens while there is no URL is never delivered.
# assumed: the body is compact JSON in UTF-8, members in the documented order, as Node's JSON.stringify writes it.
# assumed: `test` is false, as in the documented sample, and true for `payment.test` alone.
WEBHOOK_USER_AGENT = "InventPay-Sandbox-Webhooks"

# Documented: an answer within 5 seconds (page webhooks/setup). assumed: any 2xx counts as delivered; redirects are not
# followed and count as failures.
WEBHOOK_TIMEOUT = 5.0

# Documented: failed deliveries are retried for 7 days (page webhooks/security). assumed: the pauses between, counted in
# seconds from the end of the failed attempt: 10, 30, 90 and so on, each three times the one before, up to 12 hours.
WEBHOOK_RETRY_FOR = 7 * 24 * 60 * 60.0
WEBHOOK_FIRST_PAUSE = 10.0
WEBHOOK_PAUSE_FACTOR = 3.0
WEBHOOK_LONGEST_PAUSE = 12 * 60 * 60.0

# assumed: length of a receiver's answer in the log, in characters.
WEBHOOK_RESPONSE_LENGTH = 1000

# assumed: payment.created of an invoice leaves out what only the payer's choice decides (amount, currency, address, QR
# code). payment.pending is sent when the payer chooses a coin, and whenever money is seen; payment.confirmed goes right
# before payment.completed and says the same. settlementAmount is what was received, since payments cost no fee here.
# assumed: the events of a withdrawal carry the members of GET /v1/withdrawal/{id}; no source shows one.
WEBHOOK_FAILURE = "The payment failed"

# assumed: the messages of the management endpoints; only that of a successful test is known (official JS client).
WEBHOOK_SET_MESSAGE = "Webhook URL updated successfully"
WEBHOOK_REMOVED_MESSAGE = "Webhook URL removed successfully"
WEBHOOK_CONFIG_MESSAGE = "Webhook configuration retrieved successfully"
WEBHOOK_DELIVERIES_MESSAGE = "Webhook deliveries retrieved successfully"
WEBHOOK_DELIVERY_MESSAGE = "Webhook delivery retrieved successfully"
WEBHOOK_RETRY_MESSAGE = "Webhook delivery will be retried"
WEBHOOK_STATS_MESSAGE = "Webhook statistics retrieved successfully"

# assumed: a test is sent at once, a single time, and is not in the log; one that the receiver does not accept is
# answered with 400. Only what a successful one answers is known.
WEBHOOK_TEST_ERROR = "Webhook test failed"
WEBHOOK_NOT_CONFIGURED_ERROR = "Webhook URL is not configured"

# assumed: deliveries that the configuration shows.
WEBHOOK_RECENT_DELIVERIES = 10

# --- Amounts ---------------------------------------------------------------------------------------------------------

# assumed: digits of an amount before and after the decimal point; `1e999999999` is refused, not expanded.
MAX_DIGITS = 30

# assumed: fixed prices in USD. BTC, ETH and LTC are those of the documentation's invoice sample.
PRICES = {
    "BTC": Decimal(41500),
    "ETH": Decimal(3200),
    "LTC": Decimal("70.4"),
    "SOL": Decimal(150),
    "USD": Decimal(1),
    "USDT": Decimal(1),
    "USDC": Decimal(1),
}

# assumed: decimal places of a coin, those of its chain. A converted amount is rounded up to them, never down, so that
# the merchant is never paid less than was asked for.
SCALES = {
    "BTC": 8,
    "ETH": 18,
    "LTC": 8,
    "SOL": 9,
    "USDT_ERC20": 6,
    "USDT_BEP20": 18,
    "USDC_SOL": 6,
    "USDC_BEP20": 18,
}

# --- Payments --------------------------------------------------------------------------------------------------------

# assumed: confirmations until a payment completes; "3-15 blocks" is documented, and 12 in the USDT_BEP20 sample.
CONFIRMATIONS = {
    "BTC": 3,
    "ETH": 12,
    "LTC": 6,
    "SOL": 15,
    "USDT_ERC20": 12,
    "USDT_BEP20": 12,
    "USDC_SOL": 15,
    "USDC_BEP20": 12,
}

# assumed: amountCurrency may be left out, as in the official MCP server; the documentation page calls it required.
DEFAULT_AMOUNT_CURRENCY = "USDT"

# assumed: invoices take every amount currency, as in the official clients; the documentation page names USD and USDT.
INVOICE_AMOUNT_CURRENCIES = ("USD", "USDT", "BTC", "ETH", "LTC", "SOL")

# assumed: callbackUrl is https, or http to a loopback host, so that an application can be tried out locally.

# assumed: a payment costs no fee. The balance rises by exactly what was received, overpaid amounts included.
# assumed: too little, but confirmed, reads UNDERPAID and can be topped up until the payment expires; without enough
# confirmations it reads PENDING. A payment that is not complete when its time is up expires, whatever was received, and
# what an expired or failed payment has received is not credited.
# assumed: before the payer has chosen a coin, the status shows the base amount and the base currency.
# assumed: a chosen coin cannot be changed; an orderId may be used more than once.

# assumed: addresses are made up. Those of BTC and LTC are valid on the test network (`tb1`, `tltc1`), the others have
# the right length and letters that every wallet refuses, so that no real coin can be sent to one by mistake.
# `Sandbox(addresses="valid")` makes addresses of the main networks, for tests of validators.

# assumed: a transfer that arrives after EXPIRED counts: the payment is COMPLETED and credited as soon as all of it is
# there and confirmed, with the events of any payment; less than all is shown and not credited. A store's order that was
# cancelled stays so. `Sandbox(late_payments=False)` refuses such transfers instead.

# --- Withdrawals -----------------------------------------------------------------------------------------------------

# assumed: fee per withdrawal, in the coin, taken out of the amount. USDT_BEP20 is the one of the only known sample.
NETWORK_FEES = {
    "BTC": Decimal("0.0001"),
    "ETH": Decimal("0.0005"),
    "LTC": Decimal("0.001"),
    "SOL": Decimal("0.00001"),
    "USDT_ERC20": Decimal(1),
    "USDT_BEP20": Decimal("0.001"),
    "USDC_SOL": Decimal("0.01"),
    "USDC_BEP20": Decimal("0.001"),
}

# assumed: share of the amount, rounded up to the coin's decimal places; that of the only known sample (0.05 of 10).
SERVICE_FEE_RATE = Decimal("0.005")

# assumed: the limits of the documented balance sample, for each coin, in that coin. The used part counts the amounts of
# withdrawals created in the current UTC day and month; failed ones are given back.
DAILY_WITHDRAWAL_LIMIT = Decimal(10000)
MONTHLY_WITHDRAWAL_LIMIT = Decimal(100000)

# assumed: the weekly limit that only the official JS client's type names is shown, and not enforced; weeks begin on
# Monday. The tier that this type names beside it.
WEEKLY_WITHDRAWAL_LIMIT = Decimal(50000)
RATE_LIMIT_TIER = "STANDARD"

# assumed: a withdrawal stays PENDING until the control routes move it; the estimate is that of the only known sample.
ESTIMATED_WITHDRAWAL_SECONDS = 30 * 60

# assumed: only the alphabet and the length of a destination address are checked, never a checksum: the documentation's
# own sample address is one digit short.
MIN_ADDRESS_LENGTH = 20
MAX_ADDRESS_LENGTH = 100

# assumed: answered with status 400, like other refused fields.
INSUFFICIENT_BALANCE_ERROR = "Insufficient balance"
LIMIT_EXCEEDED_ERROR = "Withdrawal limit exceeded"

# assumed: `totalWithdrawn` is what reached the destination and fees are kept apart, so that
# earned = available + locked + withdrawn + fees at any time. A deposit through the control routes counts as earned.

# --- Lists -----------------------------------------------------------------------------------------------------------

# assumed: a page or limit out of bounds is answered with 400; a page past the end is empty; the newest come first.
LAST_PAGE = 1_000_000_000

# --- Store -----------------------------------------------------------------------------------------------------------

# assumed: what the store's state forbids, such as a second store, is refused with 400, since the documentation names no
# better status; calls that need a store get 404 before there is one. A new store is published, a new product active.
# null clears a member that may be empty, and is refused for any other.
STORE_EXISTS_ERROR = "Store already exists"

# assumed: a slug is made of the letters a to z, digits and hyphens of the name; a name without any gets one of these. A
# product whose slug is taken gets a number behind it.
STORE_SLUG = "store"
PRODUCT_SLUG = "product"

# assumed: prices are in one of these (the vendor's SDKs send USD, its MCP server names USDT), which count the same.
PRICE_CURRENCIES = ("USD", "USDT")
DEFAULT_PRICE_CURRENCY = "USDT"

# assumed: a search finds products whose name or description holds it, in any case.
# assumed: SKILL products need skillContent; its head, lines of `name: value` between two lines of `---`, is skillMeta.
SKILL_CONTENT_ERROR = "Is required for a SKILL product"

# assumed: buyers of a product get a key once its pool has ever had one; a key has at least one character.
# A key given twice in one request is a duplicate. The keys of a refunded order are revoked.

# --- Orders ----------------------------------------------------------------------------------------------------------

# assumed: a step that neither source allows is refused; setting the current status again is accepted.
# assumed: a checkout is refused with 404 while the store is not published, with 400 when a product is inactive, sold
# out or out of keys, and beyond the amounts or coins of the settings. It makes a payment of this lifetime in
# seconds, in the coin asked for; without one the buyer chooses on the payment's page. Stock and keys go to the first
# buyer who pays. An order whose payment expires or fails is CANCELLED.
CHECKOUT_LIFETIME = 30 * 60.0
MAX_CHECKOUT_ITEMS = 100

# assumed: the answer of a checkout: `order`, as in the list of orders, and `payment`, as of create_payment or
# create_invoice. `payment` of an order is {paymentId, status}, `customer` {email, name}.
# assumed: the figures of the analytics; revenue counts orders that are paid and neither cancelled nor refunded.
