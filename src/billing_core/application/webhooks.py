"""Webhooks: received once, applied once, in any order, and never lost.

A webhook, its effects and the events they cause are written in one transaction. What cannot be applied yet is kept with the
names of the objects it waits for, and is looked at again when one of them comes; what fails is kept with its failure, and
is tried again later. Only what was rejected (not genuine, not readable) leaves no trace.
"""

import traceback
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import attrs
from attrs import frozen

from billing_core.application.gateways import given, since
from billing_core.application.news import made_known, record
from billing_core.application.work import Missing, Work, retried
from billing_core.domain.pages import EventPage
from billing_core.domain.policies import Policies
from billing_core.domain.webhooks import (
    AlreadyApplied,
    Applied,
    Deferred,
    Delivery,
    DeliveryState,
    Failed,
    Ignored,
    Outcome,
    Webhook,
    judged,
)
from billing_core.errors import Malformed, Refused, StoreError, UnknownWebhook
from billing_core.ports import Clock, Ids, PaymentProvider, Store, UnitOfWork, WebhookSource

__all__ = ["Webhooks"]

T = TypeVar("T")

_CURSOR = "events"
_AT_ONCE = 100  # how many that waited for one object are judged while its own news is answered
_CLAIM = timedelta(minutes=5)  # how long a worker has for what it claimed before others may try


@frozen
class Webhooks:
    """Opened as `billing.webhooks`."""

    _store: Store
    _source: WebhookSource
    _clock: Clock
    _ids: Ids
    _policies: Policies
    _gateway: PaymentProvider | None = None

    def receive(self, body: bytes, headers: Mapping[str, str]) -> Outcome:
        """Verify, store and apply what a provider sent; whatever this returns, the provider need not send it again.

        Args:
            body: The raw bytes of the request, exactly as they came: re-serialized JSON has another signature.
            headers: The request's headers, names in any case.

        Raises:
            WebhookRejected: It is not genuine or not readable; nothing was stored.
            StoreError: It could not be stored: answer so that the provider sends it again.
            Conflict: The same, because somebody else kept writing first.
        """
        now = self._clock.now()
        self._source.verify(body, headers, now)
        return self._judge(_delivery(self._source.parse(body), body, now))

    def catch_up(self, limit: int = 1000) -> Sequence[Outcome]:
        """Receive what the provider has told since the last time, whether its webhooks arrived or not, the earliest first.

        What was applied before changes nothing. The provider is asked for a page at a time, until there are `limit`
        outcomes: if there are as many or more, there may be more to catch up with.

        Raises:
            ProviderUnavailable: The provider did not answer; catch up again to go on.
            ProviderDenied: The provider does not take the key.
            StoreError: What came could not be stored; catch up again to go on.
            Conflict: The same, because somebody else kept writing first.
            Invalid: There is no gateway.
        """
        with self._store.view() as unit:
            place = unit.cursors.get(_CURSOR)
        gateway = given(self._gateway)
        page = since(gateway.events, place)
        outcomes = self._caught_up(page)
        while page.more and len(outcomes) < limit:
            page = gateway.events(page.last)
            outcomes += self._caught_up(page)
        return outcomes

    def look_again(self, names: Iterable[str]) -> None:
        """Apply what waited for these objects, in the order in which it happened; the rest of a crowd waits for `retry`."""
        wanted = list(names)
        if wanted:
            with self._store.view() as unit:
                waiting = unit.inbox.waiting_for(wanted)
            for delivery in waiting[:_AT_ONCE]:
                self._judge(delivery)

    def retry(self, limit: int = 100) -> Sequence[Outcome]:
        """Judge at most `limit` of those again whose time has come; a worker or a cron job calls this now and then.

        Any number of hosts may do so at once: what one has claimed, the others leave alone.
        """
        now = self._clock.now()
        claimed = self._retried(lambda unit, _: _claim(unit, now, limit))
        return [self._judge(delivery) for delivery in claimed]

    def replay(self, webhook: str) -> Outcome:
        """Judge one stored webhook again now, also a dead one; one that was applied changes nothing.

        Raises:
            UnknownWebhook: Nothing is stored under this id.
        """
        return self._judge(self.get(webhook))

    def get(self, webhook: str) -> Delivery:
        """Return one stored webhook, with the bytes that came and what became of them.

        Raises:
            UnknownWebhook: Nothing is stored under this id.
        """
        with self._store.view() as unit:
            stored = unit.inbox.get([webhook]).get(webhook)
        if stored is None:
            raise UnknownWebhook(webhook)
        return stored

    def deliveries(self, state: DeliveryState, limit: int = 100) -> Sequence[Delivery]:
        """Return at most `limit` stored webhooks in a state, the latest received first."""
        with self._store.view() as unit:
            return unit.inbox.in_state(state, limit)

    def _caught_up(self, page: EventPage) -> list[Outcome]:
        """Receive a page of events, and only then pass over them; they came over a call of ours, so nobody signed them."""
        outcomes = [self._read(body) for body in page.bodies]
        if page.last is not None:
            self._retried(lambda unit, _: unit.cursors.put(_CURSOR, page.last))
        return outcomes

    def _read(self, body: bytes) -> Outcome:
        try:
            webhook = self._source.parse(body)
        except Malformed as failure:
            return _failure("?", failure)  # it has no name to be stored under, and must not hold up the others
        return self._judge(_delivery(webhook, body, self._clock.now()))

    def _judge(self, delivery: Delivery) -> Outcome:
        noted: set[tuple[str, ...]] = set()
        while True:
            outcome = self._look(delivery, noted)
            if not isinstance(outcome, Deferred) or outcome.until in noted:
                return outcome
            # What it waits for may have been committed between the look and the note.
            noted.add(outcome.until)

    def _look(self, delivery: Delivery, noted: Collection[tuple[str, ...]]) -> Outcome:
        try:
            outcome, released = self._retried(lambda unit, lock: self._attempt(unit, delivery, lock=lock))
        except StoreError:
            raise
        except Missing as missing:
            waiting = Deferred(delivery.id, missing.names)
            return waiting if waiting.until in noted else self._note(delivery, waiting)
        except Exception as failure:  # noqa: BLE001 - whatever went wrong, what was acknowledged must not be lost
            return self._note(delivery, _failure(delivery.id, failure), traceback.format_exc())
        self.look_again(released)
        return outcome

    def _attempt(self, unit: UnitOfWork, delivery: Delivery, *, lock: bool) -> tuple[Outcome, Sequence[str]]:
        """Apply a webhook, and return what became of it and the names of the objects that it made known."""
        stored = unit.inbox.get([delivery.id]).get(delivery.id)
        webhook = self._source.parse(delivery.body)
        if stored and stored.settled:
            # Whoever applied it may have been stopped before the others were looked at.
            return AlreadyApplied(delivery.id), made_known(webhook.commands)
        work = Work(unit, self._clock.now(), self._ids, self._policies, lock=lock)
        outcome = _apply(work, webhook)
        unit.inbox.put(judged(stored or delivery, outcome, work.now))
        return outcome, made_known(webhook.commands) if isinstance(outcome, Applied) else ()

    def _note(self, delivery: Delivery, outcome: Deferred | Failed, error: str | None = None) -> Outcome:
        return self._retried(lambda unit, _: self._noted(unit, delivery, outcome, error))

    def _noted(self, unit: UnitOfWork, delivery: Delivery, outcome: Deferred | Failed, error: str | None) -> Outcome:
        stored = unit.inbox.get([delivery.id]).get(delivery.id) or delivery
        if stored.settled:
            return AlreadyApplied(delivery.id)
        noted = judged(stored, outcome, self._clock.now(), error)
        unit.inbox.put(noted)
        return (
            Failed(delivery.id, outcome.reason, noted.state is DeliveryState.DEAD)
            if isinstance(outcome, Failed)
            else outcome
        )

    def _retried(self, do: Callable[[UnitOfWork, bool], T]) -> T:
        return retried(self._store, "what this webhook is about", do)


def _claim(unit: UnitOfWork, now: datetime, limit: int) -> Sequence[Delivery]:
    due = unit.inbox.due(now, limit)
    for delivery in due:
        unit.inbox.put(attrs.evolve(delivery, next_attempt_at=now + _CLAIM))
    return due


def _delivery(webhook: Webhook, body: bytes, now: datetime) -> Delivery:
    return Delivery(
        id=webhook.id,
        type=webhook.type,
        body=body,
        occurred_at=webhook.occurred_at,
        received_at=now,
        livemode=webhook.livemode,
        api_version=webhook.api_version,
    )


def _failure(webhook: str, failure: Exception) -> Failed:
    # A rule that said no, or an object that cannot be read, is the same next time: only a person can help.
    return Failed(webhook, f"{type(failure).__name__}: {failure}", dead=isinstance(failure, Refused | Malformed))


def _apply(work: Work, webhook: Webhook) -> Outcome:
    if work.policies.livemode is not None and webhook.livemode != work.policies.livemode:
        return Ignored(webhook.id, "it belongs to the provider's other mode (live or test)")
    if webhook.unreadable:
        raise Malformed(webhook.unreadable)
    if not webhook.commands:
        return Ignored(webhook.id, f"nothing here depends on {webhook.type}")
    record(work, webhook.commands)
    return Applied(webhook.id)
