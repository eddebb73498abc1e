"""Finding: what became of an order, for when no answer came and the key is forgotten.

What belongs to a customer or a payment is looked for in its list, newest first, which holds what was written a moment ago.
Stripe's search does not, by a minute or more, so it is asked only for customers, who belong to nothing.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from billing_adapters.stripe.answering import placed
from billing_adapters.stripe.calls import PAGE, Answer, Calls, named, path_to
from billing_adapters.stripe.errors import MISSING, declined
from billing_adapters.stripe.ordering import EXPAND, INTENT, PAUSED
from billing_adapters.stripe.reading import Json, Node
from billing_core.domain.customers import ACCOUNT
from billing_core.domain.orders import (
    CancelSubscription,
    ChangePlan,
    CreateCustomer,
    CreateSubscription,
    KeepSubscription,
    OpenCheckout,
    OpenPortal,
    Order,
    PauseSubscription,
    Placed,
    RefundPayment,
    ResumeSubscription,
    SaveCard,
    TakePayment,
)
from billing_core.domain.subscriptions import TERMINAL
from billing_core.errors import ProviderRefused

__all__ = ["FINDERS", "created", "ended", "fetched", "found"]

_PATHS: Mapping[str, tuple[tuple[str, ...], str]] = MappingProxyType({
    "cs": (("checkout", "sessions"), "checkout.session"),
    "cus": (("customers",), "customer"),
    "pi": (("payment_intents",), "payment_intent"),
    "pyr": (("refunds",), "refund"),
    "re": (("refunds",), "refund"),
    "seti": (("setup_intents",), "setup_intent"),
    "sub": (("subscriptions",), "subscription"),
})
_CANCELED = {str(status) for status in TERMINAL}
_NEW_CUSTOMERS = 5  # pages of the newest, among whom is one whom the search does not know yet


def fetched(calls: Calls, name: str) -> Answer:
    """Return what Stripe says now of something that it placed.

    Raises:
        Invalid: It is no id.
        ProviderRefused: Stripe has nothing of this kind that can be asked for.
    """
    path, kind = _PATHS.get(named(name, "id").partition("_")[0], ((), ""))
    if not path:
        raise ProviderRefused(MISSING, "no order is placed under a name like this")
    return calls.get(path_to(*path, name), **_expanding(kind))


def found(calls: Calls, order: Order, key: str) -> Placed | None:
    """Return what became of an order, if anything did.

    Raises:
        ProviderDeclined: It was to be paid at once, and the bank said no.
    """
    try:
        answer = FINDERS[type(order)](calls, order, key)
    except ProviderRefused as refusal:
        if refusal.code == MISSING:  # what it was about is gone
            return None
        raise
    if answer and isinstance(order, TakePayment) and order.off_session:
        _refuse_declined(answer.object)
    return placed(answer) if answer else None


def ended(subscription: Json) -> bool:
    """Tell whether a subscription has ended."""
    return subscription.get("status") in _CANCELED


def _refuse_declined(payment: Json) -> None:
    node = Node("payment_intent", payment)
    error = node.optional_node("last_payment_error")
    if error and payment.get("status") in {"requires_payment_method", "requires_action"}:
        raise declined(error.members, node.text("id"))


# Looking for what was created ---------------------------------------------------------------------------------------------


def _customer(calls: Calls, order: CreateCustomer, key: str) -> Answer | None:
    return created(calls, order, key) or _newest(calls, _theirs(order, key))


def created(calls: Calls, order: CreateCustomer, key: str) -> Answer | None:
    """Return the customer whom a key created, as far as the search knows."""
    query = f"metadata['{INTENT}']:'{_quoted(key)}'"
    return _first(calls, calls.get("/v1/customers/search", query=query, limit=PAGE).listed, _theirs(order, key))


def _theirs(order: CreateCustomer, key: str) -> "_Wanted":
    return lambda one: _marked(key)(one) and _metadata(one).get(ACCOUNT) == order.account


def _newest(calls: Calls, wanted: "_Wanted") -> Answer | None:
    pages = calls.pages("/v1/customers", {})
    for _, answer in zip(range(_NEW_CUSTOMERS), pages, strict=False):
        if there := _first(calls, answer.listed, wanted):
            return there
    return None


def _payment(calls: Calls, order: TakePayment, key: str) -> Answer | None:
    def wanted(one: Json) -> bool:
        asked = (order.amount_minor, order.currency)
        return _marked(key)(one) and (one.get("amount"), one.get("currency")) == asked

    return _in(calls, ("payment_intents",), wanted, customer=order.customer)


def _checkout(calls: Calls, order: OpenCheckout, key: str) -> Answer | None:
    return _in(calls, ("checkout", "sessions"), _marked(key), customer=order.customer)


def _portal(_calls: Calls, _order: OpenPortal, _key: str) -> Answer | None:
    return None  # it lasts for minutes, and Stripe lists none


def _card(calls: Calls, order: SaveCard, key: str) -> Answer | None:
    return _in(calls, ("setup_intents",), _marked(key), customer=order.customer)


def _subscription(calls: Calls, order: CreateSubscription, key: str) -> Answer | None:
    return _in(calls, ("subscriptions",), _marked(key), customer=order.customer, status="all")


def _refund(calls: Calls, order: RefundPayment, key: str) -> Answer | None:
    return _in(calls, ("refunds",), _marked(key), payment_intent=order.payment)


_Wanted: TypeAlias = Callable[[Json], bool]


def _in(calls: Calls, path: tuple[str, ...], wanted: _Wanted, **of: object) -> Answer | None:
    pages = calls.pages(path_to(*path), of)
    return next((there for answer in pages if (there := _first(calls, answer.listed, wanted))), None)


def _first(calls: Calls, objects: tuple[Json, ...], wanted: _Wanted) -> Answer | None:
    """Return the first that is wanted as it is now, with all that an answer should have whole."""
    ids = (str(one.get("id")) for one in objects if wanted(one))
    return next((fetched(calls, one) for one in ids), None)


def _marked(key: str) -> _Wanted:
    return lambda one: _metadata(one).get(INTENT) == key


def _metadata(one: Json) -> Mapping[str, str]:
    return Node("object", one).metadata()


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _expanding(kind: str) -> dict[str, object]:
    return {"expand": EXPAND[kind]} if kind in EXPAND else {}


# Looking whether something is as it was to become -------------------------------------------------------------------------


def _stands(holds: Callable[[Json, Any], bool]) -> "_Finder":
    def find(calls: Calls, order: Any, _key: str) -> Answer | None:  # noqa: ANN401 - any order about a subscription
        answer = fetched(calls, order.subscription)
        return answer if holds(answer.object, order) else None

    return find


def _changed(subscription: Json, order: ChangePlan) -> bool:
    return any(_is_as_ordered(item, order) for item in Node("subscription", subscription).listed("items"))


def _is_as_ordered(item: Node, order: ChangePlan) -> bool:
    stands = (item.optional_text("id"), item.optional_reference("price"), item.optional_integer("quantity"))
    return stands == (order.item, order.price, order.quantity)


def _pausing(subscription: Json) -> object:
    paused = Node("subscription", subscription).optional_node("pause_collection")
    return paused.members.get("behavior") if paused else None


def _canceled(subscription: Json, order: CancelSubscription) -> bool:
    return ended(subscription) or (order.at_period_end and subscription.get("cancel_at_period_end") is True)


def _kept(subscription: Json, _order: KeepSubscription) -> bool:
    return not ended(subscription) and subscription.get("cancel_at_period_end") is False


def _paused(subscription: Json, _order: PauseSubscription) -> bool:
    return _pausing(subscription) == PAUSED


def _resumed(subscription: Json, _order: ResumeSubscription) -> bool:
    return not ended(subscription) and _pausing(subscription) is None


_Finder: TypeAlias = Callable[[Calls, Any, str], Answer | None]

FINDERS: Mapping[type[Order], _Finder] = MappingProxyType({
    CancelSubscription: _stands(_canceled),
    ChangePlan: _stands(_changed),
    CreateCustomer: _customer,
    CreateSubscription: _subscription,
    KeepSubscription: _stands(_kept),
    OpenCheckout: _checkout,
    OpenPortal: _portal,
    PauseSubscription: _stands(_paused),
    RefundPayment: _refund,
    ResumeSubscription: _stands(_resumed),
    SaveCard: _card,
    TakePayment: _payment,
})
