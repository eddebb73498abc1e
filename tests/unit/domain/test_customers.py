"""Customers: the latest word on whose they are counts."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from billing_core.domain.customers import Customer, Link, latest_link

THEN = datetime(2026, 1, 1, tzinfo=UTC)
LATER = THEN + timedelta(seconds=1)


def test_a_customer_belongs_to_nobody_until_somebody_says_so():
    assert Customer("cus_1").account is None


def test_a_linked_customer_belongs_to_its_account():
    assert Customer("cus_1", Link(THEN, "acme")).account == "acme"


@pytest.mark.parametrize(("deleted", "ended"), [(True, True), (False, False)])
def test_a_deleted_customer_has_ended(deleted, ended):
    assert Customer("cus_1", deleted=deleted).ended is ended


def test_the_later_link_counts_in_whichever_order_they_come():
    links = [None, Link(THEN, "acme"), Link(LATER, "globex")]

    assert {latest_link(latest_link(*pair[:2]), pair[2]) for pair in permutations(links)} == {Link(LATER, "globex")}


def test_no_link_at_all_stays_none():
    assert latest_link(None, None) is None


def test_a_later_snapshot_without_a_link_keeps_the_one_that_is_known():
    known = Customer("cus_1", Link(THEN, "acme"))
    renamed = Customer("cus_1", name="Ann")

    assert renamed.absorb(known) == Customer("cus_1", Link(THEN, "acme"), name="Ann")


def test_metadata_cannot_be_changed_afterwards():
    typed = {"b": "2", "a": "1"}
    customer = Customer("cus_1", metadata=typed)
    typed["c"] = "3"

    with pytest.raises(TypeError):
        customer.metadata["d"] = "4"

    assert [*customer.metadata.items()] == [("a", "1"), ("b", "2")]
