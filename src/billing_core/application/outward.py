"""Outward: what is ordered from the payment provider, written down before it is asked and after it answered.

No call runs inside a transaction, and none is made that was not written down. A crash in between leaves an open intent,
which is asked for again under the same key, or looked for when the provider has forgotten the key.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TypeAlias

from attrs import frozen

from billing_core.application.gateways import given
from billing_core.application.news import made_known, record
from billing_core.application.work import Missing, Work, retried
from billing_core.domain.credits import AccountId
from billing_core.domain.intents import (
    LOST,
    LOST_REASON,
    Intent,
    answered,
    lost,
    opened,
    refused,
    repeatable,
    unanswered,
)
from billing_core.domain.orders import Order, Placed
from billing_core.domain.policies import Policies
from billing_core.domain.webhooks import Command
from billing_core.errors import (
    Invalid,
    KeyReused,
    ProviderDeclined,
    ProviderDenied,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
    UnknownIntent,
)
from billing_core.ports import Clock, Ids, PaymentProvider, Store, UnitOfWork

__all__ = ["Make", "Outward"]

# Makes an order, in the transaction that writes it down.
Make: TypeAlias = Callable[[Work], Order]

_LONGEST_NAME = 200  # which leaves room for what is made of it: Stripe takes idempotency keys of up to 255 characters


@frozen
class Outward:
    """What the capabilities that ask the provider have in common."""

    _store: Store
    _gateway: PaymentProvider | None
    _clock: Clock
    _ids: Ids
    _policies: Policies
    _look_again: Callable[[Iterable[str]], None]

    @property
    def gateway(self) -> PaymentProvider:
        """Who is asked.

        Raises:
            Invalid: Nobody was named.
        """
        return given(self._gateway)

    def order(self, account: str, key: str | None, asked: Sequence[object], make: Make) -> Placed:
        """Have something done once for a key of the caller's, and return what it led to: see `once`."""
        return self.once(_named(account, key or self._ids.new()), account, asked, make)

    def once(self, named: str, account: str, asked: Sequence[object], make: Make) -> Placed:
        """Have something done once for the name of an intent; asked again, return how that stands now.

        Args:
            named: The name of the intent, and the provider's idempotency key.
            account: For whom.
            asked: What the caller said, to tell a repetition from something else under the same key.
            make: Makes the order out of what is known; what it raises keeps it from being written down.

        Raises:
            KeyReused: The key belongs to something else.
            ProviderDeclined: Whoever was to pay said no.
            ProviderRefused: The provider would not do it.
            ProviderDenied: The provider does not take our key; the intent stays open.
            ProviderUnavailable: No answer came; ask again with the same key, or let `resume` do so.
        """
        self.gateway  # noqa: B018 - without one nothing is written down
        intent = self._written_down(named, account, _digest(asked), make)
        if not intent.settled:
            return self._ask(intent)
        if intent.refusal:
            raise intent.refusal
        return self.fetch(intent.placed or "")

    def fetch(self, placed: str) -> Placed:
        """Return how something that was placed stands at the provider now, and keep what is new in that."""
        found = self.gateway.fetch(placed)
        self._keep(found.news, lambda _: None)
        return found

    def intent(self, account: str, key: str) -> Intent:
        """Return what became of what was ordered under a key of the caller's.

        Raises:
            UnknownIntent: Nothing was.
        """
        return self._known(_named(account, key))

    def resume(self, limit: int) -> Sequence[Intent]:
        """Find out what became of open intents whose time has come, and return them as they are then."""
        with self._store.view() as view:
            due = view.intents.due(self._clock.now(), limit)
        for intent in due:
            with suppress(ProviderError):  # what came of it stands in the intent
                self._ask(intent)
        return [self._known(intent.id) for intent in due]

    def _written_down(self, named: str, account: str, asked: str, make: Make) -> Intent:
        def write(unit: UnitOfWork, lock: bool) -> Intent:  # noqa: FBT001 - `retried` says so
            known = unit.intents.get([named]).get(named)
            if known is None:
                work = self._work(unit, lock=lock)
                unit.intents.put(opened(named, account, asked, make(work), work.now))
                return unit.intents.get([named])[named]
            if known.asked != asked:
                raise KeyReused(account, named)
            return known

        return retried(self._store, f"the intent {named}", write)

    def _ask(self, intent: Intent) -> Placed:
        try:
            placed = self._answer(intent)
        except (ProviderDeclined, ProviderRefused) as refusal:
            told = refusal
            self._settle(intent, lambda stands: refused(stands, told))
            raise
        except (ProviderDenied, ProviderUnavailable):
            self._settle(intent, lambda stands: unanswered(stands, self._clock.now()))
            raise
        if placed is None:
            self._settle(intent, lost)
            raise ProviderRefused(LOST, LOST_REASON)
        self._settle(intent, lambda stands: answered(stands, placed), placed.news)
        return placed

    def _answer(self, intent: Intent) -> Placed | None:
        if repeatable(intent, self._clock.now()):
            return self.gateway.place(intent.order, intent.id)
        return self.gateway.find(intent.order, intent.id)

    def _settle(self, intent: Intent, after: Callable[[Intent], Intent], news: Sequence[Command] = ()) -> None:
        """Write down what became of an intent, with its news; whoever asked at the same time may have done so."""

        def write(unit: UnitOfWork) -> None:
            stands = unit.intents.get([intent.id])[intent.id]
            if not stands.settled:
                unit.intents.put(after(stands))

        if not self._keep(news, write):
            self._keep((), write)

    def _keep(self, news: Sequence[Command], beside: Callable[[UnitOfWork], None]) -> bool:
        """Keep what the provider told, and what is written beside it; all of it, or nothing.

        What cannot be kept yet, or ever, comes as a webhook, too: that one waits, or shows to a person what is wrong.
        """

        def write(unit: UnitOfWork, lock: bool) -> None:  # noqa: FBT001 - `retried` says so
            beside(unit)
            record(self._work(unit, lock=lock), news)

        try:
            retried(self._store, "what the provider told", write)
        except (Missing, Invalid):
            return False
        self._look_again(made_known(news))
        return True

    def _known(self, named: str) -> Intent:
        with self._store.view() as view:
            found = view.intents.get([named]).get(named)
        if found is None:
            raise UnknownIntent(named)
        return found

    def _work(self, unit: UnitOfWork, *, lock: bool) -> Work:
        return Work(unit, self._clock.now(), self._ids, self._policies, lock=lock)


def _named(account: str, key: str) -> str:
    """Return the name of an intent of the caller's.

    Raises:
        Invalid: No account or no key can be like this.
    """
    named = f"order:{AccountId(account).owner}:{key}"
    if not key or not key.isprintable() or key != key.strip() or len(named) > _LONGEST_NAME:
        room = _LONGEST_NAME - len(named) + len(key)
        raise Invalid("key", f"must be printable, unpadded text of 1 to {room} characters for this account")
    return named


def _digest(asked: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps([*asked], default=str).encode()).hexdigest()[:32]
