"""Examples: one ready value of every kind, with fresh names, so that tests say only what they are about."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import attrs

from billing_core.domain.credits import (
    Account,
    AccountId,
    Adjust,
    Capture,
    Change,
    Convert,
    Expire,
    Forfeit,
    Grant,
    KeyedCommand,
    Needs,
    PlaceHold,
    Refund,
    Release,
    Restore,
    Revoke,
    Spend,
    Transfer,
    change,
    decide,
)
from billing_core.domain.customers import Customer, Link
from billing_core.domain.events import CREDITS_GRANTED, Event, Message
from billing_core.domain.intents import Intent
from billing_core.domain.mirrors import Mirrorable, Mirrored, Phase, snapshot
from billing_core.domain.money import Currency, Money
from billing_core.domain.orders import CreateCustomer
from billing_core.domain.payments import BillingReason, Invoice, Payment
from billing_core.domain.products import Price, Product
from billing_core.domain.refunds import Dispute, DisputeStatus, RefundStatus
from billing_core.domain.refunds import Refund as PaymentRefund
from billing_core.domain.subscriptions import Status, Subscription
from billing_core.domain.topups import TopUp, TopUpRule
from billing_core.domain.webhooks import Delivery
from billing_core.ports import Store
from billing_core.testing.driver import account_in

__all__ = [
    "NOW",
    "a_capture",
    "a_change",
    "a_convert",
    "a_customer",
    "a_delivery",
    "a_dispute",
    "a_forfeit",
    "a_grant",
    "a_hold",
    "a_link",
    "a_message",
    "a_payment",
    "a_payment_refund",
    "a_price",
    "a_product",
    "a_refund",
    "a_release",
    "a_restore",
    "a_revoke",
    "a_snapshot",
    "a_spend",
    "a_subscription",
    "a_top_up",
    "a_transfer",
    "an_account",
    "an_adjustment",
    "an_expire",
    "an_impossible_change",
    "an_intent",
    "an_invoice",
    "fresh",
    "prepared",
]

NOW = datetime(2026, 3, 1, 12, 30, 15, 123_456, tzinfo=UTC)


def fresh(prefix: str) -> str:
    """Return a name that nobody used before."""
    return f"{prefix}_{uuid4().hex}"


# Credits ------------------------------------------------------------------------------------------------------------------


def an_account(unit: str = "credits") -> AccountId:
    """Return an account that was never written."""
    return AccountId(fresh("user"), unit)


def a_grant(account: AccountId, amount: int = 100, **rest: Any) -> Grant:  # noqa: ANN401 - any field of the command
    """Return a grant under a fresh key, of a fresh source."""
    return Grant(**{"account": account, "amount": amount, "key": fresh("key"), "source": fresh("source"), **rest})


def a_spend(account: AccountId, amount: int = 1, **rest: Any) -> Spend:  # noqa: ANN401 - any field of the command
    """Return a spend under a fresh key."""
    return Spend(**{"account": account, "amount": amount, "key": fresh("key"), **rest})


def a_refund(account: AccountId, spend: int, amount: int | None = None, **rest: Any) -> Refund:  # noqa: ANN401 - any field
    """Return a refund under a fresh key: of all that the entry has left, unless it is said."""
    return Refund(**{"account": account, "spend": spend, "amount": amount, "key": fresh("key"), **rest})


def a_hold(account: AccountId, amount: int = 1, **rest: Any) -> PlaceHold:  # noqa: ANN401 - any field of the command
    """Return a hold under a fresh key, for a day unless it is said."""
    lasting = {} if rest.keys() & {"expires_at", "expires_in"} else {"expires_at": NOW + timedelta(days=1)}
    return PlaceHold(**{"account": account, "amount": amount, "key": fresh("key"), **lasting, **rest})


def a_capture(account: AccountId, hold: int, amount: int | None = None, **rest: Any) -> Capture:  # noqa: ANN401 - any field
    """Return a capture under a fresh key: of all that the hold holds, and the last one, unless it is said."""
    return Capture(**{"account": account, "hold": hold, "amount": amount, "key": fresh("key"), **rest})


def a_release(account: AccountId, hold: int, **rest: Any) -> Release:  # noqa: ANN401 - any field of the command
    """Return a release under a fresh key."""
    return Release(**{"account": account, "hold": hold, "key": fresh("key"), **rest})


def a_convert(account: AccountId, source: str, **rest: Any) -> Convert:  # noqa: ANN401 - any field of the command
    """Return a conversion under a fresh key."""
    return Convert(**{"account": account, "source": source, "key": fresh("key"), **rest})


def a_forfeit(account: AccountId, source: str, **rest: Any) -> Forfeit:  # noqa: ANN401 - any field of the command
    """Return a forfeiture under a fresh key."""
    return Forfeit(**{"account": account, "source": source, "key": fresh("key"), **rest})


def a_revoke(account: AccountId, source: str, amount: int | None = None, **rest: Any) -> Revoke:  # noqa: ANN401 - any field
    """Return a revocation under a fresh key: of all that the lot has left, unless it is said."""
    return Revoke(**{"account": account, "source": source, "amount": amount, "key": fresh("key"), **rest})


def a_restore(account: AccountId, revocation: int, **rest: Any) -> Restore:  # noqa: ANN401 - any field of the command
    """Return the undoing of a revocation, under a fresh key."""
    return Restore(**{"account": account, "revocation": revocation, "key": fresh("key"), **rest})


def an_adjustment(account: AccountId, amount: int = 1, **rest: Any) -> Adjust:  # noqa: ANN401 - any field of the command
    """Return an adjustment under a fresh key, up or, of less than nothing, down; somebody answers for it."""
    answered = {"reason": "a count that was wrong", "actor": fresh("operator")}
    return Adjust(**{"account": account, "amount": amount, "key": fresh("key"), **answered, **rest})


def a_transfer(account: AccountId, to: AccountId, amount: int = 1, **rest: Any) -> Transfer:  # noqa: ANN401 - any field
    """Return a transfer under a fresh key."""
    return Transfer(**{"account": account, "to": to, "amount": amount, "key": fresh("key"), **rest})


def an_expire(account: AccountId) -> Expire:
    """Return the command to write down what fell due."""
    return Expire(account=account)


def prepared(store: Store, command: KeyedCommand, now: datetime = NOW) -> Change:
    """Return what a command would write, decided on what is committed now, and not yet written."""
    account = account_in(store, Needs.of(command))
    return change(account, decide(account, command, now))


def a_change() -> Change:
    """Return what the first grant of an account that was never written writes."""
    never = Account(an_account())
    return change(never, decide(never, a_grant(never.id), NOW))


def an_impossible_change() -> Change:
    """Return the same with a lot that holds more than was granted, which every database's constraints refuse."""
    made = a_change()
    lots = tuple(attrs.evolve(lot, remaining=lot.amount + 1) for lot in made.account.lots)
    return attrs.evolve(made, account=attrs.evolve(made.account, lots=lots))


def a_top_up(account: AccountId | None = None, **rest: Any) -> TopUp:  # noqa: ANN401 - any field of the top-up
    """Return the top-up of an account, a fresh one unless it is said, under a rule that nothing was bought by."""
    of = account or an_account()
    rule = TopUpRule(account=of, threshold=10, pack="price_pack", most_purchases=3, per=timedelta(days=30))
    return TopUp(rule=rule, **rest)


def an_intent(**rest: Any) -> Intent:  # noqa: ANN401 - any field of the intent
    """Return an open intent with a fresh id, for a fresh account, that nobody waits for."""
    account = fresh("user")
    told = {"id": fresh("int"), "account": account, "asked": "what", "order": CreateCustomer(account=account)}
    return Intent(**{**told, "asked_at": NOW, **rest})


# What a provider told us --------------------------------------------------------------------------------------------------


def a_product(**rest: Any) -> Product:  # noqa: ANN401 - any field of the product
    """Return a product with a fresh id."""
    return Product(**{"id": fresh("prod"), "name": "Credits", **rest})


def a_price(**rest: Any) -> Price:  # noqa: ANN401 - any field of the price
    """Return a price with a fresh id, of a fresh product."""
    return Price(**{"id": fresh("price"), "product": fresh("prod"), "currency": Currency("usd"), **rest})


def a_link(account: str) -> Link:
    """Return a link to an account."""
    return Link(NOW, account)


def a_customer(**rest: Any) -> Customer:  # noqa: ANN401 - any field of the customer
    """Return a customer with a fresh id, whom nobody has linked."""
    return Customer(**{"id": fresh("cus"), **rest})


def a_subscription(**rest: Any) -> Subscription:  # noqa: ANN401 - any field of the subscription
    """Return an active subscription with a fresh id, of a fresh customer."""
    return Subscription(**{"id": fresh("sub"), "status": Status.ACTIVE, "customer": fresh("cus"), **rest})


def a_snapshot(value: Mirrorable, version: int = 0) -> Mirrored[Any]:
    """Return a value as one piece of news tells it."""
    told = snapshot(value, NOW, Phase.UPDATED)
    return Mirrored(told.value, told.revision, version)


def a_payment(**rest: Any) -> Payment:  # noqa: ANN401 - any field of the payment
    """Return a payment with a fresh id, of a fresh account."""
    chosen = {"id": fresh("pay"), "amount": Money(1000, "usd"), "paid_at": NOW, "account": fresh("user"), **rest}
    return Payment(**chosen)


def a_payment_refund(**rest: Any) -> PaymentRefund:  # noqa: ANN401 - any field of the refund
    """Return a refund with a fresh id, of a fresh payment."""
    chosen = {"id": fresh("re"), "payment": fresh("pay"), "amount": Money(100, "usd"), "at": NOW, **rest}
    return PaymentRefund(**{"status": RefundStatus.SUCCEEDED, **chosen})


def a_dispute(**rest: Any) -> Dispute:  # noqa: ANN401 - any field of the dispute
    """Return a dispute with a fresh id, of a fresh payment, before any money was taken."""
    chosen = {"id": fresh("dp"), "payment": fresh("pay"), "amount": Money(1000, "usd"), "at": NOW, **rest}
    return Dispute(**{"status": DisputeStatus.NEEDS_RESPONSE, **chosen})


def an_invoice(**rest: Any) -> Invoice:  # noqa: ANN401 - any field of the invoice
    """Return an invoice with a fresh id, of a fresh subscription."""
    chosen = {
        "id": fresh("inv"),
        "amount_paid": Money(1000, "usd"),
        "paid_at": NOW,
        "reason": BillingReason.SUBSCRIPTION_CYCLE,
        "subscription": fresh("sub"),
        **rest,
    }
    return Invoice(**chosen)


def a_delivery(**rest: Any) -> Delivery:  # noqa: ANN401 - any field of the delivery
    """Return a delivery with a fresh id that nobody looked at yet."""
    chosen = {"id": fresh("evt"), "type": "thing.happened", "body": b"{}", "occurred_at": NOW, "received_at": NOW, **rest}
    return Delivery(**chosen)


# What the application is told ---------------------------------------------------------------------------------------------


def a_message(message_id: str, occurred_at: datetime = NOW) -> Message:
    """Return a message in the outbox."""
    return Message(message_id, Event(CREDITS_GRANTED, fresh("account"), occurred_at, data={"amount": "1"}))
