"""The API with a ledger, whose answers go wrong, and which kills the process that pays at a chosen moment."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any, Protocol

from tests.payouts.pay_worker import ADDRESS
from tests.support.chaos_server import BEFORE, ChaosServer, Exchange, answer

MOMENTS = ("before the effect", "before the effect, which happens", "after the effect", "after the answer")
FUNDS = 10**6
READ_FAULTS = (
    "closes",
    "resets",
    "401",
    "403 of a firewall",
    "500",
    "502 of a proxy",
    "503",
    "a page",
)
"""Faults of answers to reads, by their names in the server of the storm; without those that make the limiter pause."""


class Victim(Protocol):
    """A process that may be killed."""

    def kill(self) -> None:
        """Kill it."""

    def wait(self) -> object:
        """Wait until it is gone."""


class LedgerServer(ChaosServer):
    """Serves withdrawals, their state and balances; ``victim`` is killed when ``kills`` says so."""

    def __init__(self, *, honours_keys: bool, share: float, seed: int) -> None:
        super().__init__(honours_keys=honours_keys, share=share, silence=0.0, seed=seed)
        self.victim: Victim | None = None
        self.moment: str | None = None
        self.kill_at = 0
        self.killed: list[str] = []
        self.share_of_reads = share
        self.read_faults = 0
        self.amounts: dict[str, str] = {}
        self._chance = random.Random(seed)

    def aim(self, victim: Victim | None) -> None:
        """Choose the moment and the request at which this process is killed."""
        self.victim = victim
        self.moment = self._chance.choice(MOMENTS)
        self.kill_at = self._chance.randint(1, 4)

    def paid(self) -> dict[str, int]:
        """Return how often each operation was paid."""
        counts: dict[str, int] = {}
        for effect in self.ledger.effects:
            counts[effect.operation] = counts.get(effect.operation, 0) + 1
        return counts

    def withdrawal_ids(self) -> dict[str, str]:
        """Return the withdrawal of each operation that was paid, as the dashboard shows it."""
        return {effect.operation: effect.resource_id for effect in self.ledger.effects}

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        body = await reader.readexactly(int(lines.get(b"content-length", b"0")))
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        if method == "GET":
            good = answer(200, json.dumps({"success": True, "data": self._found(path)}).encode())
            fault = self._chance.choice(READ_FAULTS) if self._chance.random() < self.share_of_reads else None
            reply = good if fault is None else BEFORE[fault](Exchange(good, {}, None))
            self.read_faults += fault is not None
            return await self.write(writer, reply) and fault is None
        key = next(line.partition(b": ")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"idempotency"))
        moment = self._moment()
        if moment is not None and moment.startswith("before"):
            self._kill(moment)
            if moment != "before the effect":
                self._apply(path, key.decode(), body)
            return False
        if moment == "after the effect":
            self._apply(path, key.decode(), body)
            self._kill(moment)
            return False
        self.amounts[json.loads(body)["description"]] = json.loads(body)["amount"]
        reply, closes = self._reply(path, key.decode(), body)
        goes_on = await self.write(writer, reply) and not closes
        if moment is not None:
            await asyncio.sleep(self._chance.uniform(0.0, 0.01))
            self._kill(moment)
        return goes_on

    def _apply(self, path: str, key: str, body: bytes) -> None:
        self.amounts[json.loads(body)["description"]] = json.loads(body)["amount"]
        self.ledger.apply(path, key, body)

    def _moment(self) -> str | None:
        self.kill_at -= 1
        return self.moment if self.kill_at == 0 and self.victim is not None else None

    def _kill(self, moment: str) -> None:
        victim, self.victim = self.victim, None
        if victim is None:
            # The process ended during the pause before the kill.
            return
        victim.kill()
        victim.wait()
        self.killed.append(moment)

    def _found(self, path: str) -> dict[str, Any]:
        if path.startswith("/v1/withdrawal/"):
            (effect,) = (each for each in self.ledger.effects if each.resource_id == path.rpartition("/")[2])
            return {
                "withdrawalId": effect.resource_id,
                "amount": self.amounts[effect.operation],
                "currency": "USDT_BEP20",
                "destinationAddress": ADDRESS,
                "status": "PENDING",
            }
        spent = sum(float(self.amounts[effect.operation]) for effect in self.ledger.effects)
        balance = {
            "availableBalance": FUNDS - spent,
            "totalEarned": FUNDS,
            "totalWithdrawn": spent,
            "pendingBalance": 0,
        }
        coin = path.rpartition("/")[2]
        if coin == "balance":
            return {"merchantId": "cmf1", "businessName": "Shop", "balances": {"USDT_BEP20": balance}}
        return {"currency": coin, "balance": balance}
