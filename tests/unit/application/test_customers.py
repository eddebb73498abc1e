"""Customers: whose they are, and what follows when somebody says so."""

import pytest

from billing_core.domain.mirrors import Phase
from billing_core.errors import Conflict, Invalid


def accounts(shop, *names):
    return {name: [one.id for one in shop.billing.customers.of(name)] for name in names}


def test_the_customers_of_an_account_are_listed_by_id(shop):
    shop.receive(shop.customer("cus_2"))
    shop.receive(shop.customer("cus_1"))
    shop.receive(shop.customer("cus_3", account="globex"))

    assert accounts(shop, "acme", "globex", "initech") == {"acme": ["cus_1", "cus_2"], "globex": ["cus_3"], "initech": []}


def test_a_customer_can_be_linked_before_it_is_known(shop):
    shop.billing.customers.link("acme", "cus_1")

    shop.receive(shop.customer(account=None, name="Ann"))

    assert [(one.id, one.name) for one in shop.billing.customers.of("acme")] == [("cus_1", "Ann")]


def test_a_customer_can_be_linked_after_it_is_known(shop):
    shop.receive(shop.customer(account=None, name="Ann"))

    shop.billing.customers.link("acme", "cus_1")

    assert [(one.id, one.name) for one in shop.billing.customers.of("acme")] == [("cus_1", "Ann")]


def test_the_latest_word_on_whose_a_customer_is_counts(shop):
    shop.billing.customers.link("acme", "cus_1")
    shop.clock.set(shop.day(2))
    shop.billing.customers.link("globex", "cus_1")

    assert accounts(shop, "acme", "globex") == {"acme": [], "globex": ["cus_1"]}


def test_a_deleted_customer_still_belongs_to_its_account(shop):
    shop.receive(shop.customer())
    shop.receive(shop.customer(account=None, deleted=True, day=1, phase=Phase.DELETED))

    assert [(one.id, one.deleted) for one in shop.billing.customers.of("acme")] == [("cus_1", True)]


def test_a_customer_that_was_deleted_can_still_be_linked(shop):
    shop.receive(shop.customer(account=None, deleted=True, phase=Phase.DELETED))

    shop.billing.customers.link("acme", "cus_1")

    assert accounts(shop, "acme") == {"acme": ["cus_1"]}


@pytest.mark.parametrize("account", ["", " acme", "a\nb", "x" * 256])
def test_an_account_that_cannot_be_named_is_refused(shop, account):
    with pytest.raises(Invalid, match="owner"):
        shop.billing.customers.link(account, "cus_1")


def test_a_link_that_loses_a_race_is_made_again(shop):
    shop.store.failures += [Conflict("customer cus_1")] * 9

    shop.billing.customers.link("acme", "cus_1")

    assert accounts(shop, "acme") == {"acme": ["cus_1"]}


def test_a_link_that_loses_every_race_says_so_and_links_nothing(shop):
    shop.store.failures += [Conflict("customer cus_1")] * 10

    with pytest.raises(Conflict):
        shop.billing.customers.link("acme", "cus_1")

    assert accounts(shop, "acme") == {"acme": []}
