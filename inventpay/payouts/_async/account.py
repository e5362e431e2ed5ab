# The source of inventpay/payouts/_sync/account.py; after a change run: python tools/generate_sync.py
"""The merchant's account as a journal sees it: its time, its balances, its proofs, and what was withdrawn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from ..._api.amounts import Amount, read_amount
from ..._api.endpoints import CREATE_WITHDRAWAL
from ..._api.health_check import CheckResult
from ..._core.decimals import plain
from ..._transport import idempotency_proofs
from ...errors import DecodeError, SentRequest, UnsettledError
from ...models import Balance, Balances, Withdrawal
from .. import decisions
from ..errors import JournalError
from ..journal import Journal
from ..rows import PayoutRow

if TYPE_CHECKING:
    from ... import AsyncInventPay


class AsyncAccount:
    """One client and one journal that belong together."""

    def __init__(self, client: AsyncInventPay, journal: Journal) -> None:
        transport = client._transport  # pyright: ignore[reportPrivateUsage]
        # The run itself waits for the rate limit, with its rows still planned: what waits inside a call would be in
        # doubt if the process ended then.
        self.client: Final = client.with_options(max_wait=0.0)
        self.backend: Final = client._backend  # pyright: ignore[reportPrivateUsage]
        self.base_url: Final = client._base_url  # pyright: ignore[reportPrivateUsage]
        self.testnet: Final = transport.testnet_addresses
        self.key_as_description: Final = transport.key_as_description
        self._patient = client
        self._settling = transport.settling
        self._journal = journal
        self._offset = timedelta()

    # --- the place ---

    def check_base_url(self) -> None:
        """Raise JournalError unless the journal is of this base URL; a new journal is made one of it."""
        self._journal.check_base_url(self.base_url)
        if self._journal.fact("base_url") is None:
            self._journal.write(facts={"base_url": self.base_url})

    def check_place(self) -> None:
        """Raise JournalError unless the journal is where it was made."""
        moved = self._journal.moved_from
        if moved is not None:
            raise JournalError(
                f"the journal {self._journal.path} was made at {moved}; if it was moved here, and no other copy is in "
                "use, call adopt() once (inventpay payouts adopt)"
            )

    async def bind(self) -> Balances:
        """Read all balances, and raise JournalError unless the journal belongs to this place and merchant."""
        self.check_place()
        balances = await self._patient.balances.all()
        self._learn_time(balances)
        key = f"key {self._settling.account}"
        found = self._journal.fact("account")
        is_known = self._journal.fact(key) is not None
        belongs, named = decisions.belongs(found, merchant=balances.merchant_id or None, is_known_key=is_known)
        if not belongs:
            here = f"merchant {balances.merchant_id}" if balances.merchant_id else "an API key that it does not know"
            raise JournalError(
                f"the journal {self._journal.path} belongs to {found}, and the client to {here}; use another journal "
                "for another account"
            )
        if named is not None or not is_known:
            facts = {} if named is None else {"account": named}
            self._journal.write(facts={key: self.now().isoformat(), **facts})
        self._share_proofs()
        return balances

    # --- time ---

    def now(self) -> datetime:
        """Return the server's time, as far as it is known; else this machine's."""
        return self.backend.wall() + self._offset

    def _learn_time(self, answer: Balance | Balances) -> None:
        named = None if answer.meta is None else decisions.server_time(answer.meta.headers)
        if named is not None:
            self._offset = named - self.backend.wall()

    # --- proofs ---

    @property
    def sent_as(self) -> str:
        """The keys and the header under which the API knows a request, as fingerprints and name."""
        name = self._settling.proof_name("withdrawal")
        return f"{name.account} {name.withdrawal_account} {name.header}"

    def _share_proofs(self) -> None:
        """Take over the journal's proof that the API honours keys for withdrawals, and keep the process' own."""
        name = self._settling.proof_name("withdrawal")
        fact = "proof " + " ".join(name)
        text = self._journal.fact(fact)
        kept = 0.0 if text is None else float(text)
        known, checked = idempotency_proofs.proven_at(name) or 0.0, idempotency_proofs.checked_at(name) or 0.0
        if kept < checked and known < checked:
            # The latest check proved nothing.
            known = 0.0
        elif kept > known:
            idempotency_proofs.remember(name, kept)
            return
        if known != kept:
            self._journal.write(facts={fact: str(known)})

    def why_not_repeated(self, row: PayoutRow) -> str | None:
        """Return the reason for which a row in doubt waits for a person, ``None`` if its request may be repeated."""
        now = self.now()
        times = [each.last_sent_at for each in self._journal.rows() if each.last_sent_at is not None]
        latest = max(times, default=datetime.min.replace(tzinfo=UTC))
        return decisions.why_not_repeated(
            row,
            sent_as=self.sent_as,
            proven=self._settling.is_proven(CREATE_WITHDRAWAL, self.backend.wall().timestamp()),
            now=now,
            clock_is_back=now < latest - decisions.CLOCK_ERROR,
        )

    def doubt_about(self, row: PayoutRow, path: str, body: bytes | None) -> UnsettledError:
        """Return the error with which the client repeats the request of a row."""
        doubt = UnsettledError("the row is in doubt", method=CREATE_WITHDRAWAL.method, path=path)
        doubt.request = SentRequest(
            method=CREATE_WITHDRAWAL.method,
            path=path,
            body=body,
            idempotency_key=row.idempotency_key,
            # The client judges the age when the request is written, by its own clock.
            sent_at=None if row.first_sent_at is None else row.first_sent_at - self._offset,
            base_url=self.base_url,
            account=self._settling.account,
        )
        return doubt

    async def prove(
        self, amount: Amount, currency: str, destination_address: str, *, check_address: bool
    ) -> CheckResult:
        """Check how the API treats idempotency keys of withdrawals, and keep the proof."""
        exact = read_amount(amount)
        # Written first, and twice: an API that ignores keys pays twice.
        known = self._checked(currency)
        self._journal.write(facts={f"checks {currency}": plain(known + exact + exact)})
        result = await self._patient.check(
            idempotency="withdrawal",
            amount=amount,
            currency=currency,
            destination_address=destination_address,
            check_address=check_address,
        )
        self._share_proofs()
        return result

    def _checked(self, currency: str) -> Decimal:
        """Return the amount of a coin that checks of idempotency keys may have withdrawn."""
        return Decimal(self._journal.fact(f"checks {currency}") or 0)

    # --- balances ---

    async def balance(self, currency: str) -> Balance:
        """Read the balance of one coin."""
        balance = await self.client.balances.get(currency)
        self._learn_time(balance)
        return balance

    def compare_all(self, balances: Balances, *, allow: bool) -> None:
        """Raise JournalError where more of a coin was withdrawn than the rows explain, unless that is allowed."""
        for coin in sorted({row.currency for row in self._journal.rows()}):
            balance = balance_in(balances, coin)
            surplus = None if balance is None else self.other_withdrawals(balance, coin, allow=allow)
            if surplus is not None:
                raise JournalError(surplus)

    def other_withdrawals(self, balance: Balance, coin: str, *, allow: bool = False) -> str | None:
        """Compare the total withdrawn with those seen before; return the problem in words.

        It is compared with the first total seen and with the last: rows that were accepted and not yet counted explain
        a rise only once.
        """
        now, total = self.now(), balance.total_withdrawn
        first, last = f"first withdrawn {coin}", f"withdrawn {coin}"
        seen = [decisions.SeenTotal.read(text) for name in (first, last) if (text := self._journal.fact(name))]
        rows = self._journal.rows() if seen else []
        checked = self._checked(coin)
        surpluses = (decisions.unexplained(rows, coin, each, total, checked) for each in seen)
        surplus = max(surpluses, default=decisions.NOTHING)
        if surplus and not allow:
            return (
                f"{plain(surplus)} {coin} more were withdrawn since {seen[0].at:%Y-%m-%d %H:%M} UTC than the journal's "
                "rows explain: by the dashboard, another journal, or rows that a restored backup has lost. Find out, "
                "then run with allow_other_withdrawals=True"
            )
        latest = str(decisions.SeenTotal(total, now))
        self._journal.write(facts={last: latest} if seen and not surplus else {first: latest, last: latest})
        return None

    # --- withdrawals ---

    async def withdrawal(self, withdrawal_id: str) -> Withdrawal:
        """Return a withdrawal, after a wait for the rate limit where it takes one."""
        return await self._patient.withdrawals.get(withdrawal_id)

    async def final_withdrawal(self, withdrawal_id: str) -> Withdrawal:
        """Return a withdrawal once it is final."""
        return await self._patient.withdrawals.wait(withdrawal_id)


def balance_in(balances: Balances, coin: str) -> Balance | None:
    """Return the balance of a coin, ``None`` where there is none that can be read."""
    try:
        return balances.get(coin)
    except DecodeError:
        return None
