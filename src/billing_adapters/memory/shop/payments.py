"""Payments: taken at once or by the customer, declined, and sent back."""

from collections.abc import Mapping

from billing_adapters.memory.shop.records import Bill, Card, Refund, Saving, Taking, refused
from billing_adapters.memory.shop.shop import Shop
from billing_core.domain.customers import ACCOUNT
from billing_core.domain.money import Money
from billing_core.domain.orders import RefundPayment, SaveCard, TakePayment
from billing_core.domain.payments import Payment, purchase_in
from billing_core.domain.webhooks import RecordPayment
from billing_core.errors import ProviderDeclined

__all__ = ["add_card", "begin_saving", "declined", "news_of", "receive", "send_back", "take", "taken"]

# What a bank says, and what the customer may be told.
_SENTENCES = {
    "authentication_required": "Your bank wants you to confirm this payment.",
    "insufficient_funds": "Your card has insufficient funds.",
}


def take(shop: Shop, order: TakePayment) -> str:
    """Begin a payment, and take it if nobody is there to do that."""
    buyer = shop.buyer(order.customer)
    card = shop.card(order.payment_method, order.customer) if order.payment_method else buyer.card
    if order.off_session and card is None:
        raise refused("payment_method_missing", "the customer has saved no payment method", "payment_method")
    taking = taken(shop, order.customer, Money(order.amount_minor, order.currency), order.metadata)
    if order.off_session and card:
        if card.declines:
            raise declined(card.declines, taking)
        receive(shop, taking)
    return taking.id


def taken(shop: Shop, customer: str, amount: Money, metadata: Mapping[str, str], invoice: Bill | None = None) -> Taking:
    """Keep a payment that nobody has paid yet."""
    taking = Taking(shop.new_id("pay"), customer, amount, metadata, invoice.id if invoice else None)
    shop.things[taking.id] = taking
    return taking


def receive(shop: Shop, taking: Taking) -> None:
    """Let a payment succeed."""
    taking.paid_at = shop.now
    for one in news_of(taking):
        shop.tell("payment.succeeded", one)


def declined(code: str, taking: Taking | None = None) -> ProviderDeclined:
    """Return what is said when a card pays nothing."""
    return ProviderDeclined(code, _SENTENCES.get(code, "Your card was declined."), taking.id if taking else None)


def news_of(taking: Taking) -> tuple[RecordPayment, ...]:
    """Return what is known of a payment: that it succeeded, or nothing."""
    if taking.paid_at is None:
        return ()
    return (
        RecordPayment(
            Payment(
                id=taking.id,
                amount=taking.amount,
                paid_at=taking.paid_at,
                customer=taking.customer,
                account=taking.metadata.get(ACCOUNT) or None,
                invoice=taking.invoice,
                purchase=purchase_in(taking.metadata),
            )
        ),
    )


def send_back(shop: Shop, order: RefundPayment) -> str:
    """Send a payment back, or a part of it."""
    taking = shop.get(Taking, order.payment, "payment")
    if taking.paid_at is None:
        raise refused("payment_unpaid", f"payment {taking.id} was never paid", "payment")
    if not taking.left:
        raise refused("charge_already_refunded", f"payment {taking.id} was refunded before", "payment")
    amount = taking.left if order.amount_minor is None else order.amount_minor
    if amount > taking.left:
        raise refused("amount_too_large", f"{amount} to be refunded, payment {taking.id} has {taking.left} left", "amount")
    taking.refunded += amount
    refund = Refund(shop.new_id("ref"), taking.id, amount)
    shop.things[refund.id] = refund
    return refund.id


def begin_saving(shop: Shop, order: SaveCard) -> str:
    """Let a customer save a card."""
    shop.buyer(order.customer)
    saving = Saving(shop.new_id("save"), order.customer)
    shop.things[saving.id] = saving
    return saving.id


def add_card(shop: Shop, customer: str, declines: str | None = None) -> Card:
    """Let a customer have another card, which pays from now on unless somebody says otherwise."""
    buyer = shop.buyer(customer)
    buyer.card = Card(shop.new_id("card"), customer, declines)
    shop.cards[buyer.card.id] = buyer.card
    return buyer.card
