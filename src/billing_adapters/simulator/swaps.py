"""Swaps: another price or quantity in the middle of a period. Source: https://docs.stripe.com/billing/subscriptions/change."""

from attrs import frozen

from billing_adapters.simulator import invoicing
from billing_adapters.simulator.beginnings import check_payable
from billing_adapters.simulator.charging import Presence
from billing_adapters.simulator.params import Params
from billing_adapters.simulator.payers import method_of_subscription
from billing_adapters.simulator.periods import period_end
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.prorations import Proration, kept_waiting, nets_of, prorations
from billing_adapters.simulator.refusals import exclusive, invalid
from billing_adapters.simulator.renewals import planned as plan_renewal
from billing_adapters.simulator.renewals import warned_of_trial_end
from billing_adapters.simulator.subscribing import billed, changing, collected, items_of, period_of, with_items
from billing_adapters.simulator.subscription_items import changed_items, rhythm_of
from billing_adapters.simulator.world import World

__all__ = ["Swap", "carried_out", "given_back", "planned"]


@frozen
class Swap:
    """What a change of items, or of the cycle, comes to.

    Args:
        items: The items afterwards.
        parts: What is given back and asked for.
        when: The moment from which on it counts.
        anchor: The new anchor if a new period begins now, or None.
        trial_end: The new end of the trial, or None if that stays.
        invoices: Whether an invoice is written at once.
        behavior: What is done about its payment.
        away: Whether the customer is away.
    """

    items: list[JsonObject]
    parts: list[Proration]
    when: int
    anchor: int | None
    trial_end: int | None
    invoices: bool
    behavior: str
    away: bool


def planned(world: World, subscription: JsonObject, params: Params) -> Swap | None:
    """Return what a request changes in the items or the cycle of a subscription, or None.

    Raises:
        Refused: It cannot be, or `error_if_incomplete` was asked for and it could not be paid.
    """
    if not params.keys() & {"items", "trial_end"} and params.get("billing_cycle_anchor") != "now":
        return None
    after = changed_items(world, subscription, params.get("items", []))
    when = _when(subscription, params.get("proration_date"), world.now)
    trial_end = _trial_end(world, params)
    anchor = _new_anchor(world, subscription, after, params, trial_end)
    start, end = period_of(subscription)
    if anchor is not None:
        start, end = world.now, trial_end or period_end(anchor, world.now, rhythm_of(after))
    fresh = [{**one, "current_period_start": start, "current_period_end": end} for one in after]
    behavior = params.get("proration_behavior", "create_prorations")
    parts = (
        []
        if behavior == "none" or subscription["status"] == "trialing"
        else _parts(world, subscription, fresh, when, anchor)
    )
    renewed = anchor is not None and not trial_end
    swap = Swap(
        fresh,
        parts,
        when,
        anchor,
        trial_end,
        renewed or (behavior == "always_invoice" and bool(parts)),
        params.get("payment_behavior", "allow_incomplete"),
        params.get("off_session", False),
    )
    if swap.invoices and swap.behavior == "error_if_incomplete":
        check_payable(world, method_of_subscription(world, subscription), strict=True)
    return swap


def carried_out(world: World, subscription: JsonObject, swap: Swap | None) -> None:
    """Change the items, let what is given back and asked for wait for an invoice, and write that if it is time."""
    if swap is None:
        return
    with changing(world, subscription):
        subscription["items"] = with_items(subscription, swap.items)
        _begin_anew(world, subscription, swap)
        kept_waiting(world, subscription, swap.parts)
        invoice = _invoice(world, subscription, swap) if swap.invoices else None
        if invoice:
            subscription["latest_invoice"] = invoice["id"]
    plan_renewal(world, subscription)
    if subscription["status"] == "trialing":
        warned_of_trial_end(world, subscription)
    if invoice:
        _collect(world, subscription, invoice, swap)


def given_back(world: World, subscription: JsonObject) -> None:
    """Let what is left of the period that was paid wait for an invoice, as a credit."""
    if subscription["status"] in {"active", "past_due"}:
        items = items_of(subscription)
        parts = prorations(items, [], nets_of(world, subscription, items), world.now, credit_only=True)
        kept_waiting(world, subscription, parts)


def _parts(
    world: World, subscription: JsonObject, fresh: list[JsonObject], when: int, anchor: int | None
) -> list[Proration]:
    before = items_of(subscription)
    nets = {**nets_of(world, subscription, before), **nets_of(world, subscription, fresh)}
    return prorations(before, fresh, nets, when, credit_only=anchor is not None)


def _when(subscription: JsonObject, given: int | None, now: int) -> int:
    """Return the moment from which on a change counts; what is paused may be past its period."""
    start, end = period_of(subscription)
    if given is not None and not start <= given <= end:
        raise invalid("Cannot specify proration date outside of current subscription period.", "proration_date")
    return min(now, end) if given is None else given


def _trial_end(world: World, params: Params) -> int | None:
    given = params.get("trial_end", "now")
    if given != "now" and given <= world.now:
        raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future.", "trial_end")
    if given != "now" and params.get("billing_cycle_anchor") == "now":
        raise exclusive("billing_cycle_anchor", "trial_end")
    return None if given == "now" else int(given)


def _new_anchor(
    world: World, subscription: JsonObject, after: list[JsonObject], params: Params, trial_end: int | None
) -> int | None:
    """Return the new anchor, if a new period begins: a trial begins or ends, the rhythm is another, or it is asked for."""
    if trial_end:
        return trial_end
    trialing = subscription["status"] == "trialing"
    if trialing:
        return world.now if params.get("trial_end") == "now" else None
    rhythms = [rhythm_of(items) for items in (items_of(subscription), after)]
    other = len({(one["interval"], one["interval_count"]) for one in rhythms}) > 1
    return world.now if other or params.get("billing_cycle_anchor") == "now" else None


def _begin_anew(world: World, subscription: JsonObject, swap: Swap) -> None:
    if swap.anchor is None:
        return
    subscription["billing_cycle_anchor"] = swap.anchor
    if swap.trial_end:
        subscription.update(
            status="trialing", trial_start=subscription["trial_start"] or world.now, trial_end=swap.trial_end
        )
    elif subscription["status"] == "trialing":
        subscription.update(status="active", trial_end=world.now)


def _invoice(world: World, subscription: JsonObject, swap: Swap) -> JsonObject:
    whole = swap.anchor is not None
    return billed(world, subscription, "subscription_update", whole=whole, proration_date=swap.when if swap.parts else None)


def _collect(world: World, subscription: JsonObject, invoice: JsonObject, swap: Swap) -> None:
    invoicing.finalized(world, invoice)
    if swap.behavior != "default_incomplete":
        collected(world, invoice, Presence.AWAY if swap.away else Presence.HERE)
    elif invoice["status"] == "open" and subscription["status"] == "active":
        with changing(world, subscription):
            subscription["status"] = "past_due"
