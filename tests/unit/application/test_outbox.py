"""The outbox: what happened is told in the transaction that made it happen, until it is acknowledged."""

from contextlib import suppress

import pytest

from billing_core.errors import Conflict, InsufficientCredits, KeyReused


def names(shop):
    return [one.name for one in shop.told()]


def test_what_happened_is_told_once(selling):
    selling.receive(selling.payment())

    (event,) = selling.told()
    assert (event.name, event.subject, event.account) == ("credits.granted", "account:acme", "acme")
    assert dict(event.data) == {"amount": "50", "seq": "1", "source": "payment:pi_1"}
    assert event.occurred_at == selling.day(0)


def test_repetitions_are_not_told_again(selling):
    for _ in range(3):
        selling.receive(selling.payment())
        selling.billing.credits.grant("acme", 5, key="gift")

    assert names(selling) == ["credits.granted", "credits.granted"]


@pytest.mark.parametrize("refused", [{"amount": 500, "key": "big"}, {"amount": 1, "key": "gift"}])
def test_a_refused_command_tells_nothing(shop, refused):
    shop.billing.credits.grant("acme", 5, key="gift", expires_at=shop.day(2))
    shop.clock.set(shop.day(3))

    with suppress(InsufficientCredits, KeyReused):
        shop.billing.credits.spend("acme", **refused)

    assert names(shop) == ["credits.granted"]


def test_a_unit_that_was_dropped_tells_nothing(shop):
    shop.store.failures += [Conflict("account acme")]

    shop.billing.credits.grant("acme", 5)

    assert names(shop) == ["credits.granted"]


def test_spends_are_not_told_for_whoever_spends_knows(shop):
    shop.billing.credits.spend("acme", 0)

    assert names(shop) == []


def test_what_fell_due_is_told_when_it_is_written_down_with_the_moment_at_which_it_did(shop):
    shop.billing.credits.grant("acme", 5, expires_at=shop.day(2))
    shop.clock.set(shop.day(3))

    shop.billing.credits.expire("acme")

    _, expired = shop.told()
    assert (expired.name, expired.occurred_at) == ("credits.expired", shop.day(2))
    assert dict(expired.data) == {"amount": "5", "seq": "2"}


def test_a_conversion_is_told(selling):
    selling.receive(selling.invoice())

    selling.receive(selling.subscription(prices=["price_max"], day=1, left=["price_pro"]))

    (converted,) = selling.told("credits.converted")
    assert dict(converted.data) == {"amount": "100", "seq": "2", "source": "convert:invoice:in_1:line:il_1"}


def test_messages_come_the_oldest_first_and_no_more_than_were_asked_for(shop):
    for amount in (1, 2, 3):
        shop.billing.credits.grant("acme", amount)

    assert [one.event.data["amount"] for one in shop.billing.outbox.pending(2)] == ["1", "2"]


def test_what_was_acknowledged_does_not_come_again(shop):
    for amount in (1, 2, 3):
        shop.billing.credits.grant("acme", amount)
    first, second, third = shop.billing.outbox.pending()

    shop.billing.outbox.acknowledge([first.id, third.id])
    shop.billing.outbox.acknowledge([first.id, "never heard of"])

    assert shop.billing.outbox.pending() == [second]
