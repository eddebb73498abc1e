"""Renewals: what time does to a subscription: periods, trials, retries and the end.

Source: https://docs.stripe.com/billing/subscriptions/overview and /billing/revenue-recovery. The retries are those of a new
account: three, after 3, 5 and 7 days.
"""

from typing import Any

from billing_adapters.simulator import invoicing
from billing_adapters.simulator.charging import Presence
from billing_adapters.simulator.discounts import left_after_invoice, still_running
from billing_adapters.simulator.payers import method_of_subscription, subscription_of
from billing_adapters.simulator.periods import DAY, HOUR, period_end
from billing_adapters.simulator.presenting import JsonObject
from billing_adapters.simulator.subscribing import (
    LIVE,
    billed,
    changing,
    collected,
    ended,
    expired,
    items_of,
    period_of,
    settings,
    with_items,
)
from billing_adapters.simulator.subscription_items import rhythm_of
from billing_adapters.simulator.world import World

__all__ = [
    "RETRIES",
    "advanced",
    "cancel_later",
    "ended_now",
    "expires_later",
    "planned",
    "resumed",
    "resumes_later",
    "warned_of_trial_end",
]

RETRIES = (3 * DAY, 5 * DAY, 7 * DAY)
_DRAFT_SECONDS = HOUR
_WARNED_BEFORE = 3 * DAY
_RENEWS = ("active", "trialing", "past_due", "unpaid")


# Plans --------------------------------------------------------------------------------------------------------------------


def planned(world: World, subscription: JsonObject) -> None:
    """Let the current period end when it is over."""
    end = period_of(subscription)[1]
    world.schedule(end, lambda later: _period_over(later, subscription, end))


def expires_later(world: World, subscription: JsonObject, when: int) -> None:
    """Let a subscription expire unless its first invoice is paid."""
    world.schedule(when, lambda later: expired(later, subscription) if subscription["status"] == "incomplete" else None)


def cancel_later(world: World, subscription: JsonObject) -> None:
    """Let a subscription end at the moment at which it is to be canceled, unless that is changed."""
    when = subscription["cancel_at"]

    def end(later: World) -> None:
        if subscription["cancel_at"] == when and subscription["status"] in LIVE:
            ended(later, subscription, "cancellation_requested")

    world.schedule(when, end)


def resumes_later(world: World, subscription: JsonObject) -> None:
    """Let collection go on at the moment that was given, if one was."""
    pause = subscription["pause_collection"]
    if pause["resumes_at"]:
        world.schedule(pause["resumes_at"], lambda later: _collects_again(later, subscription, pause))


def warned_of_trial_end(world: World, subscription: JsonObject) -> None:
    """Tell that a trial will end: three days before, or now if it is shorter."""
    end = subscription["trial_end"]

    def warn(later: World) -> None:
        if subscription["status"] == "trialing" and subscription["trial_end"] == end:
            later.emit("customer.subscription.trial_will_end", subscription)

    if end - _WARNED_BEFORE <= world.now:
        warn(world)
    else:
        world.schedule(end - _WARNED_BEFORE, warn)


# Periods ------------------------------------------------------------------------------------------------------------------


def _period_over(world: World, subscription: JsonObject, end: int) -> None:
    if subscription["status"] not in _RENEWS or period_of(subscription)[1] != end:
        return
    if subscription["cancel_at_period_end"]:
        ended(world, subscription, "cancellation_requested")
    elif subscription["status"] == "trialing" and _lacks_method(world, subscription):
        _trial_over_without_method(world, subscription)
    else:
        _renewed(world, subscription)


def _renewed(world: World, subscription: JsonObject) -> None:
    before = period_of(subscription)
    with changing(world, subscription):
        _next_period(world, subscription)
        subscription["discounts"] = still_running(world, subscription["discounts"])
        if subscription["status"] == "trialing":
            subscription["status"] = "active"
        held = subscription["status"] == "unpaid" or _is_kept_as_draft(subscription)
        later = None if held else world.now + _DRAFT_SECONDS
        invoice = billed(
            world,
            subscription,
            "subscription_cycle",
            period=before,
            auto_advance=not held,
            automatically_finalizes_at=later,
            next_payment_attempt=later,
        )
        invoice["auto_advance"] = not held
        subscription["latest_invoice"] = invoice["id"]
        subscription["discounts"] = left_after_invoice(world, subscription["discounts"])
    if later:
        world.schedule(later, lambda then: advanced(then, invoice))
    planned(world, subscription)


def _next_period(world: World, subscription: JsonObject) -> None:
    items = items_of(subscription)
    end = period_end(subscription["billing_cycle_anchor"], world.now, rhythm_of(items))
    period: JsonObject = {"current_period_start": world.now, "current_period_end": end}
    subscription["items"] = with_items(subscription, [{**one, **period} for one in items])


def advanced(world: World, invoice: JsonObject) -> None:
    """Finalize a draft whose time has come, and collect it, unless collection is paused."""
    if invoice["status"] != "draft" or not invoice["auto_advance"] or invoice["customer"] not in world.table("customer"):
        return
    invoicing.finalized(world, invoice)
    pause = (subscription_of(world, invoice) or {}).get("pause_collection")
    if pause and invoice["status"] == "open":
        if pause["behavior"] == "void":
            invoicing.voided(world, invoice)
        elif pause["behavior"] == "mark_uncollectible":
            invoicing.marked_uncollectible(world, invoice, "subscription_paused")
        return
    _collect(world, invoice)


def _is_kept_as_draft(subscription: JsonObject) -> bool:
    pause = subscription["pause_collection"]
    return bool(pause and pause["behavior"] == "keep_as_draft")


def _collects_again(world: World, subscription: JsonObject, pause: JsonObject) -> None:
    if subscription["pause_collection"] is pause:
        with changing(world, subscription):
            subscription["pause_collection"] = None


# Retries ------------------------------------------------------------------------------------------------------------------


def _collect(world: World, invoice: JsonObject) -> None:
    """Try to collect an open invoice while the customer is away, and again after some days."""
    if invoice["status"] != "open":
        return
    tried = invoice["attempt_count"]
    then = world.now + RETRIES[tried] if tried < len(RETRIES) else None
    collected(world, invoice, Presence.AWAY, then)
    if invoice["status"] != "open":
        return
    if then is None:
        _gave_up(world, invoice)
    else:
        world.schedule(then, lambda later: _retry(later, invoice, then))


def _retry(world: World, invoice: JsonObject, when: int) -> None:
    if invoice["next_payment_attempt"] == when and invoice["customer"] in world.table("customer"):
        _collect(world, invoice)


def _gave_up(world: World, invoice: JsonObject) -> None:
    """Do what the settings say after the last retry."""
    subscription = subscription_of(world, invoice)
    if subscription is None or subscription["status"] != "past_due":
        return
    match settings(world)["after_last_retry"]:
        case "cancel":
            ended(world, subscription, "payment_failed")
        case "mark_unpaid":
            with changing(world, subscription):
                subscription["status"] = "unpaid"
        case _:
            return


# Trials and ends ----------------------------------------------------------------------------------------------------------


def _lacks_method(world: World, subscription: JsonObject) -> bool:
    behavior = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    return behavior != "create_invoice" and method_of_subscription(world, subscription) is None


def _trial_over_without_method(world: World, subscription: JsonObject) -> None:
    if subscription["trial_settings"]["end_behavior"]["missing_payment_method"] == "cancel":
        ended(world, subscription, "payment_failed")
        return
    paused = {
        "subscription": {"type": "trial_end_without_payment_method"},
        "transitioned_at": world.now,
        "type": "subscription",
    }
    with changing(world, subscription):
        subscription.update(status="paused", status_details={"paused": paused})
    world.emit("customer.subscription.paused", subscription)


def resumed(world: World, subscription: JsonObject) -> None:
    """Let a paused subscription go on: a new period begins now, and is paid."""
    with changing(world, subscription):
        subscription.update(status="active", status_details=None, billing_cycle_anchor=world.now)
        _next_period(world, subscription)
        invoice = billed(world, subscription, "subscription_cycle")
        subscription["latest_invoice"] = invoice["id"]
    world.emit("customer.subscription.resumed", subscription)
    invoicing.finalized(world, invoice)
    _collect(world, invoice)
    planned(world, subscription)


def ended_now(world: World, subscription: JsonObject, *, invoice: bool, **details: Any) -> None:  # noqa: ANN401 - any members
    """Cancel a subscription at once; `invoice` writes a last invoice of what is pending."""
    if invoice:
        last = billed(world, subscription, "subscription_update", whole=False)
        subscription["latest_invoice"] = last["id"]
        invoicing.finalized(world, last)
        collected(world, last, Presence.AWAY)
    ended(world, subscription, "cancellation_requested", **details)
