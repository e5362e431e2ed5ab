"""The endpoints of the API answer as documented."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from tests.sandbox.conftest import EVM_ADDRESS, Api


def test_create_payment_answers_as_documented(api: Api) -> None:
    """The body has the documented members in the documented form, and the optional ones when they were sent."""
    answer = api.post(
        "/v1/create_payment",
        {
            "amount": 29.99,
            "amountCurrency": "USD",
            "currency": "USDT_BEP20",
            "orderId": "order-12345",
            "description": "Premium Plan Subscription",
            "callbackUrl": "https://shop.example/hook",
        },
    )
    body = answer.json()
    payment_id, address = body["data"]["paymentId"], body["data"]["address"]
    expires_at = body["data"]["expiresAt"]
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert body == {
        "success": True,
        "data": {
            "paymentId": payment_id,
            "amount": 29.99,
            "currency": "USDT_BEP20",
            "address": address,
            "invoiceUrl": f"{api.server.url}/invoice/{payment_id}",
            "qrCode": f"usdt_bep20:{address}?amount=29.99",
            "expiresAt": expires_at,
            "orderId": "order-12345",
            "description": "Premium Plan Subscription",
        },
        "message": "Payment created successfully",
        "statusCode": 200,
    }
    assert payment_id.startswith("cmh")
    assert len(payment_id) == 25
    assert api.sandbox.payment(payment_id).callback_url == "https://shop.example/hook"


def test_create_payment_leaves_out_what_was_not_sent(api: Api) -> None:
    """Without orderId and description the members are absent, not null."""
    assert not {"orderId", "description"} & set(api.create_payment())


def test_small_amounts_are_exact_and_without_exponent(api: Api) -> None:
    """One satoshi's worth and 30 digits come back digit by digit."""
    body = b'{"amount": 0.00000001, "amountCurrency": "BTC", "currency": "BTC"}'
    assert b'"amount":0.00000001,' in api.post_bytes("/v1/create_payment", body).content
    digits = b"123456789012345678901234567890.123456789012345678"
    body = b'{"amount": %s, "amountCurrency": "USDT", "currency": "USDT_BEP20"}' % digits
    assert b'"amount":%s,' % digits in api.post_bytes("/v1/create_payment", body).content


def test_create_invoice_answers_as_documented(api: Api) -> None:
    """An invoice lists what it costs in each coin, rounded up to the coin's decimals, and has no address."""
    answer = api.post("/v1/create_invoice", {"amount": 49.99, "amountCurrency": "USD", "orderId": "order-67890"})
    body = msgspec.json.decode(answer.content)
    data = body["data"]
    assert (body["success"], body["message"], body["statusCode"]) == (True, "Invoice created successfully", 200)
    assert data["conversionRates"] == {
        "BTC": {"cryptoAmount": 0.00120458, "price": 41500},
        "ETH": {"cryptoAmount": 0.015621875, "price": 3200},
        "LTC": {"cryptoAmount": 0.71008523, "price": 70.4},
        "USDT_ERC20": {"cryptoAmount": 49.99, "price": 1},
        "USDT_BEP20": {"cryptoAmount": 49.99, "price": 1},
        "SOL": {"cryptoAmount": 0.333266667, "price": 150},
        "USDC_SOL": {"cryptoAmount": 49.99, "price": 1},
        "USDC_BEP20": {"cryptoAmount": 49.99, "price": 1},
    }
    assert (data["baseAmount"], data["baseCurrency"], data["orderId"]) == (49.99, "USD", "order-67890")
    assert data["allowCurrencySelection"] is True
    assert data["invoiceUrl"] == f"{api.server.url}/invoice/{data['paymentId']}"
    assert "address" not in data


def test_a_payment_in_multi_answers_like_an_invoice(api: Api) -> None:
    """With MULTI the payer chooses, so there are rates instead of an address."""
    data = api.create_payment(currency="MULTI")
    assert data["allowCurrencySelection"] is True
    assert "conversionRates" in data


def test_status_of_a_payment_through_its_life(api: Api) -> None:
    """Public, without envelope, money as text; completedAt appears with completion."""
    created = api.create_payment()
    payment_id = created["paymentId"]
    pending = {
        "paymentId": payment_id,
        "status": "PENDING",
        "currentBalance": "0",
        "confirmations": 0,
        "requiredAmount": "29.99",
        "currency": "USDT_BEP20",
        "address": created["address"],
        "expiresAt": created["expiresAt"],
        "createdAt": api.status(payment_id)["createdAt"],
    }
    assert api.status(payment_id) == pending
    api.sandbox.pay(payment_id, "9.99", confirmations=3)
    assert api.status(payment_id) == {**pending, "currentBalance": "9.99", "confirmations": 3}
    api.clock.advance(60)
    api.sandbox.pay(payment_id)
    completed = api.status(payment_id)
    completed_at = completed.pop("completedAt")
    assert completed == {**pending, "status": "COMPLETED", "currentBalance": "29.99", "confirmations": 12}
    assert pending["createdAt"] < completed_at < pending["expiresAt"]


def test_status_of_an_invoice_before_and_after_the_choice(api: Api) -> None:
    """Until a coin is chosen the status shows the base amount and no address, afterwards those of the coin."""
    payment_id = api.create_invoice(amount=41.5)["paymentId"]
    before = api.status(payment_id)
    assert (before["requiredAmount"], before["currency"]) == ("41.5", "USD")
    assert "address" not in before
    api.sandbox.select(payment_id, "BTC")
    after = api.status(payment_id)
    assert (after["requiredAmount"], after["currency"]) == ("0.001", "BTC")
    assert after["address"].startswith("tb1q")


def test_status_reads_expired_when_the_time_is_up(api: Api) -> None:
    """After expirationMinutes the status is EXPIRED."""
    payment_id = api.create_payment(expirationMinutes=5)["paymentId"]
    api.clock.advance(5 * 60)
    assert api.status(payment_id)["status"] == "EXPIRED"


def test_balances_are_a_map_with_limits(api: Api) -> None:
    """All eight coins are there, with numbers, and limits without resetAt."""
    api.sandbox.deposit("BTC", "1.5")
    body = api.get("/v1/merchant/balance").json()
    limits = {
        "daily": {"limit": 10000, "used": 0, "remaining": 10000},
        "monthly": {"limit": 100000, "used": 0, "remaining": 100000},
    }
    assert body["message"] == "Balances retrieved successfully"
    assert body["data"]["merchantId"] == "cmf123abc456def"
    assert body["data"]["businessName"] == "Sandbox Business"
    assert list(body["data"]["balances"]) == [
        "BTC",
        "ETH",
        "LTC",
        "USDT_ERC20",
        "USDT_BEP20",
        "SOL",
        "USDC_SOL",
        "USDC_BEP20",
    ]
    assert body["data"]["balances"]["BTC"] == {
        "availableBalance": 1.5,
        "totalEarned": 1.5,
        "totalWithdrawn": 0,
        "pendingBalance": 0,
        "limits": limits,
    }


def test_one_balance_has_its_limits_inside_with_reset_times(api: Api) -> None:
    """Used amounts count against the limits, which return at midnight UTC and on the first of the month."""
    api.sandbox.deposit("USDT_BEP20", 100)
    assert api.withdraw(amount=10).status_code == 200
    payment_id = api.create_payment()["paymentId"]
    api.sandbox.underpay(payment_id, "1.25")
    body = api.get("/v1/merchant/balance/USDT_BEP20").json()
    daily = body["data"]["balance"]["limits"]["daily"]
    monthly = body["data"]["balance"]["limits"]["monthly"]
    assert body["message"] == "Balance retrieved successfully"
    assert body["data"]["currency"] == "USDT_BEP20"
    assert daily == {"limit": 10000, "used": 10, "remaining": 9990, "resetAt": "2024-01-02T00:00:00.000Z"}
    assert monthly == {"limit": 100000, "used": 10, "remaining": 99990, "resetAt": "2024-02-01T00:00:00.000Z"}
    assert body["data"]["balance"]["availableBalance"] == 90
    assert body["data"]["balance"]["pendingBalance"] == 1.25


def test_create_withdrawal_answers_like_the_known_sample(api: Api) -> None:
    """Money is text except in feeBreakdown, unknown values are null, and the balance after locking is included."""
    api.sandbox.deposit("USDT_BEP20", "1500.75")
    body = api.withdraw(description="Monthly payout").json()
    data = body["data"]
    created_at, estimate = data.pop("createdAt"), data.pop("estimatedCompletion")
    assert (body["success"], body["statusCode"]) == (True, 200)
    assert data == {
        "withdrawalId": data["withdrawalId"],
        "amount": "10",
        "currency": "USDT_BEP20",
        "destinationAddress": EVM_ADDRESS,
        "status": "PENDING",
        "feeAmount": "0.051",
        "netAmount": "9.949",
        "transactionHash": None,
        "requiresApproval": False,
        "processedAt": None,
        "errorMessage": None,
        "balanceAfterLock": {"available": "1490.75", "locked": "10"},
        "feeBreakdown": {"networkFee": 0.001, "serviceFee": 0.05},
    }
    assert created_at < estimate


def test_reading_a_withdrawal_through_its_life(api: Api) -> None:
    """Members appear as they become known: the documented form has absent members, not nulls."""
    api.sandbox.deposit("USDT_BEP20", 100)
    withdrawal_id = api.withdraw(description="Monthly payout").json()["data"]["withdrawalId"]
    answer = api.get(f"/v1/withdrawal/{withdrawal_id}").json()
    pending = answer["data"]
    assert answer["message"] == "Withdrawal retrieved successfully"
    assert pending == {
        "withdrawalId": withdrawal_id,
        "amount": "10",
        "currency": "USDT_BEP20",
        "destinationAddress": EVM_ADDRESS,
        "status": "PENDING",
        "feeAmount": "0.051",
        "metadata": {"netAmount": 9.949, "networkFee": 0.001, "serviceFee": 0.05},
        "createdAt": pending["createdAt"],
        "description": "Monthly payout",
    }
    api.sandbox.process_withdrawal(withdrawal_id)
    processing = api.get(f"/v1/withdrawal/{withdrawal_id}").json()["data"]
    assert set(processing) - set(pending) == {"transactionHash", "processedAt"}
    api.sandbox.complete_withdrawal(withdrawal_id)
    completed = api.get(f"/v1/withdrawal/{withdrawal_id}").json()["data"]
    assert set(completed) - set(processing) == {"completedAt"}
    assert completed["metadata"]["confirmations"] == 12
    failed_id = api.withdraw().json()["data"]["withdrawalId"]
    api.sandbox.fail_withdrawal(failed_id, "no gas")
    failed = api.get(f"/v1/withdrawal/{failed_id}").json()["data"]
    assert (failed["status"], failed["failureReason"]) == ("FAILED", "no gas")


def test_the_whole_story_of_a_payment_and_its_payout(api: Api) -> None:
    """The amount of a payment can be withdrawn exactly, and not more."""
    payment_id = api.create_payment(amount=25, amountCurrency="USDT")["paymentId"]
    api.sandbox.pay(payment_id)
    assert api.withdraw(amount=25.000001).json()["error"] == "Insufficient balance"
    withdrawal_id = api.withdraw(amount=25).json()["data"]["withdrawalId"]
    api.sandbox.complete_withdrawal(withdrawal_id)
    balance = api.sandbox.balance("USDT_BEP20")
    assert (balance.available, balance.locked, balance.earned) == (0, 0, 25)
    assert balance.withdrawn == Decimal("24.874")
