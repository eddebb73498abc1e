"""Products and prices, through Stripe's own library."""

from decimal import Decimal

import pytest
import stripe as sdk

GRADUATED = [
    {"up_to": 10, "unit_amount": 100},
    {"up_to": "inf", "unit_amount_decimal": Decimal("80.5"), "flat_amount": 1000},
]


@pytest.fixture
def gold(api):
    return api.products.create({"name": "Gold", "metadata": {"credits": "100", "tier": "gold"}})


def refused(call, *arguments):
    with pytest.raises(sdk.InvalidRequestError) as caught:
        call(*arguments)
    return caught.value.error


def test_a_product_comes_with_its_default_price(api, events):
    data = {"currency": "USD", "unit_amount": 500, "recurring": {"interval": "month"}}
    product = api.products.create({"name": "Gold", "default_price_data": data, "expand": ["default_price"]})

    assert product.default_price.product == product.id
    assert product.default_price.currency == "usd"
    assert events() == ["product.created", "plan.created", "price.created", "product.updated"]


def test_an_update_tells_what_changed_and_nothing_else(api, gold, events):
    events()

    api.products.update(gold.id, {"name": "Silver", "metadata": {"credits": "", "color": "grey"}})

    [event] = events("product.updated")
    assert event["data"]["object"]["metadata"] == {"tier": "gold", "color": "grey"}
    assert event["data"]["previous_attributes"] == {"name": "Gold", "metadata": {"credits": "100", "color": None}}


def test_an_update_that_changes_nothing_is_no_event(api, gold, events):
    events()

    api.products.update(gold.id, {"name": "Gold"})

    assert events() == []


def test_an_archived_product_is_listed_as_such(api, gold):
    api.products.create({"name": "Silver"})

    api.products.update(gold.id, {"active": False})

    assert [one.name for one in api.products.list({"active": True}).data] == ["Silver"]
    assert [one.name for one in api.products.list({"active": False}).data] == ["Gold"]


def test_a_product_without_prices_can_be_deleted(api, gold, events):
    events()

    gone = api.products.delete(gold.id)

    assert gone.deleted
    [event] = events("product.deleted")
    assert event["data"]["object"]["active"] is False
    assert "deleted" not in event["data"]["object"]
    assert refused(api.products.retrieve, gold.id).code == "resource_missing"


def test_a_product_with_a_price_cannot_be_deleted(api, gold):
    api.prices.create({"product": gold.id, "currency": "usd", "unit_amount": 1})

    assert "cannot be deleted" in refused(api.products.delete, gold.id).message


def test_an_id_of_ones_own_is_taken_once(api):
    api.products.create({"id": "gold", "name": "Gold"})

    error = refused(api.products.create, {"id": "gold", "name": "Gold"})

    assert (error.code, error.param) == ("resource_already_exists", "id")


@pytest.mark.parametrize(
    ("given", "whole", "precise"),
    [
        ({"unit_amount": 500}, 500, Decimal(500)),
        ({"unit_amount_decimal": Decimal("0.5")}, None, Decimal("0.5")),
        ({"unit_amount_decimal": Decimal("700.00")}, 700, Decimal(700)),
    ],
)
def test_what_is_no_whole_number_of_minor_units_has_decimals_only(api, gold, given, whole, precise):
    price = api.prices.create({"product": gold.id, "currency": "usd", **given})

    assert (price.unit_amount, price.unit_amount_decimal) == (whole, precise)


def test_tiers_are_only_sent_when_asked_for(api, gold):
    tiered = {"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": GRADUATED, "recurring": {"interval": "month"}}
    price = api.prices.create({"product": gold.id, "currency": "usd", **tiered})

    assert "tiers" not in price
    first, last = api.prices.retrieve(price.id, {"expand": ["tiers"]}).tiers
    assert (first.up_to, first.unit_amount, first.flat_amount) == (10, 100, None)
    assert (last.up_to, last.unit_amount, last.unit_amount_decimal, last.flat_amount) == (None, None, Decimal("80.5"), 1000)


def test_other_currencies_are_only_sent_when_asked_for_and_name_its_own_too(api, gold):
    other = {"eur": {"unit_amount": 450}}
    price = api.prices.create({"product": gold.id, "currency": "usd", "unit_amount": 500, "currency_options": other})

    assert "currency_options" not in price
    options = api.prices.retrieve(price.id, {"expand": ["currency_options"]}).currency_options.to_dict()
    assert {code: one["unit_amount"] for code, one in options.items()} == {"usd": 500, "eur": 450}


def test_a_lookup_key_moves_only_when_it_is_transferred(api, gold, events):
    first = api.prices.create({"product": gold.id, "currency": "usd", "unit_amount": 1, "lookup_key": "gold"})
    second = {"product": gold.id, "currency": "usd", "unit_amount": 2, "lookup_key": "gold"}
    events()

    assert first.id in refused(api.prices.create, second).message
    assert events() == []
    moved = api.prices.create({**second, "transfer_lookup_key": True})

    assert [one.id for one in api.prices.list({"lookup_keys": ["gold"]}).data] == [moved.id]
    assert events() == ["price.updated", "price.created"]
    assert api.prices.retrieve(first.id).lookup_key is None


def test_a_default_price_is_not_archived(api, gold):
    price = api.prices.create({"product": gold.id, "currency": "usd", "unit_amount": 1})
    api.products.update(gold.id, {"default_price": price.id})

    assert "default price" in refused(api.prices.update, price.id, {"active": False}).message


def test_prices_are_listed_by_what_they_are(api, gold):
    monthly = api.prices.create({
        "product": gold.id,
        "currency": "eur",
        "unit_amount": 1,
        "recurring": {"interval": "month"},
    })
    once = api.prices.create({"product": gold.id, "currency": "usd", "unit_amount": 1})

    def ids(**filters):
        return [one.id for one in api.prices.list(filters).data]

    assert ids(type="one_time") == ids(currency="usd") == [once.id]
    assert ids(recurring={"interval": "month"}) == [monthly.id]
    assert ids(product=gold.id) == [once.id, monthly.id]
    assert ids(product="prod_other") == []


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"currency": "usd", "unit_amount": 1}, "product"),
        ({"product": "prod_nowhere", "currency": "usd", "unit_amount": 1}, "product"),
        ({"product": "gold", "unit_amount": 1}, "currency"),
        ({"product": "gold", "currency": "dollars", "unit_amount": 1}, "currency"),
        ({"product": "gold", "currency": "usd"}, "unit_amount"),
        ({"product": "gold", "currency": "usd", "unit_amount": -1}, "unit_amount"),
        ({"product": "gold", "currency": "usd", "unit_amount": "many"}, "unit_amount"),
        ({"product": "gold", "currency": "usd", "unit_amount": 1, "unit_amount_decimal": 1}, "unit_amount"),
        ({"product": "gold", "currency": "usd", "unit_amount": 1, "tiers": GRADUATED}, "tiers"),
        ({"product": "gold", "currency": "usd", "billing_scheme": "tiered", "tiers": GRADUATED}, "tiers_mode"),
        (
            {"product": "gold", "currency": "usd", "unit_amount": 1, "recurring": {"interval": "decade"}},
            "recurring[interval]",
        ),
        (
            {
                "product": "gold",
                "currency": "usd",
                "unit_amount": 1,
                "recurring": {"interval": "year", "interval_count": 4},
            },
            "recurring[interval_count]",
        ),
        (
            {"product": "gold", "currency": "usd", "unit_amount": 1, "recurring": {}, "metadata": {"k" * 41: "v"}},
            f"metadata[{'k' * 41}]",
        ),
    ],
)
def test_a_price_that_cannot_be_is_refused_and_leaves_nothing_behind(api, params, param, events):
    api.products.create({"id": "gold", "name": "Gold"})
    events()

    assert refused(api.prices.create, params).param == param
    assert events() == []
    assert api.prices.list().data == []
