"""Errors: a class for control flow, fields for machines, a sentence for people."""

import copy
import pickle

import attrs
import pytest

from billing_core import errors

SENTENCES = [
    (errors.Invalid("amount", "must be whole"), errors.Refused, "amount must be whole"),
    (
        errors.CurrencyMismatch("USD", "JPY"),
        errors.Refused,
        "USD and JPY do not mix: amounts of different currencies are never added or compared",
    ),
    (errors.InsufficientCredits("acme", 5, 1), errors.Refused, "5 credits requested, 1 available"),
    (
        errors.KeyReused("acme", "k"),
        errors.Refused,
        "key 'k' was already used for another command on this account: use a new key",
    ),
    (
        errors.HoldClosed("acme", 2, 7, 3),
        errors.Refused,
        "hold 2 is closed: 7 credits were captured, 3 returned",
    ),
    (errors.HoldExceeded("acme", 2, 5, 1), errors.Refused, "5 credits to be captured, hold 2 holds 1"),
    (errors.AlreadyGranted("acme", "payment:pi_1", 3), errors.Refused, "payment:pi_1 was already granted by entry 3"),
    (
        errors.RefundExceeded("acme", 7, 5, 1),
        errors.Refused,
        "5 credits to be refunded, entry 7 has 1 left",
    ),
    (
        errors.RevocationExceeded("acme", "payment:pi_1", 5, 1),
        errors.Refused,
        "5 credits to be clawed back, payment:pi_1 has 1 left",
    ),
    (errors.AlreadyRestored("acme", 7, 9), errors.Refused, "revocation 7 was already undone by entry 9"),
    (
        errors.ProductQuarantined("prod_1", ("a is bad", "b is bad")),
        errors.Refused,
        "product prod_1 grants nothing until its metadata is mended: a is bad; b is bad",
    ),
    (errors.UnknownProduct("prod_1"), errors.Unknown, "no product 'prod_1' is known"),
    (errors.UnknownAccount("acme"), errors.Unknown, "account 'acme' has no ledger: nothing was ever granted to it"),
    (errors.UnknownEntry("acme", 7), errors.Unknown, "account 'acme' has no entry 7"),
    (errors.UnknownHold("acme", 7), errors.Unknown, "account 'acme' has no hold 7"),
    (errors.UnknownLot("acme", "gift"), errors.Unknown, "account 'acme' holds no lot from 'gift'"),
    (errors.UnknownTopUp("acme", "top_up:1"), errors.Unknown, "account 'acme' awaits no top-up 'top_up:1'"),
    (errors.NotForSale("price_1", "is archived"), errors.Refused, "price_1 cannot be bought: it is archived"),
    (errors.UnknownPrice("price_1"), errors.Unknown, "no price 'price_1' is known"),
    (errors.UnknownSubscription("sub_1"), errors.Unknown, "no subscription 'sub_1' is known"),
    (errors.UnknownIntent("int_1"), errors.Unknown, "nothing was ordered as 'int_1'"),
    (errors.UnknownWebhook("evt_1"), errors.Unknown, "no webhook 'evt_1' is stored"),
    (
        errors.Conflict("account acme"),
        errors.Conflict,
        "account acme was changed by somebody else: reload and decide again",
    ),
    (
        errors.NotMigrated("none", "0001"),
        errors.StoreError,
        "the database is at revision none, this version needs 0001: run `billing db upgrade`",
    ),
    (
        errors.NotMigrated("0002", "0001", newer=True),
        errors.StoreError,
        "the database is at revision 0002, written by a newer version: upgrade billing-core",
    ),
    (
        errors.StoreUnavailable("OperationalError"),
        errors.StoreError,
        "the database is unavailable (OperationalError): try again with the same key",
    ),
    (errors.UnknownPayment("acme", "pi_9"), errors.Unknown, "account 'acme' made no payment 'pi_9'"),
    (
        errors.ProviderDeclined("insufficient_funds", "Your card has insufficient funds.", "pi_1"),
        errors.ProviderError,
        "the payment was declined (insufficient_funds): Your card has insufficient funds.",
    ),
    (
        errors.ProviderRefused("resource_missing", "No such customer: 'cus_1'", "customer"),
        errors.ProviderError,
        "the payment provider refused (resource_missing, customer): No such customer: 'cus_1'",
    ),
    (
        errors.ProviderRefused("idempotency_error", "Keys are used once."),
        errors.ProviderError,
        "the payment provider refused (idempotency_error): Keys are used once.",
    ),
    (
        errors.ProviderDenied("the key was revoked"),
        errors.ProviderError,
        "the payment provider does not take the key: the key was revoked",
    ),
    (
        errors.ProviderUnavailable("it timed out"),
        errors.ProviderError,
        "the payment provider gave no answer (it timed out): try again with the same key",
    ),
    (errors.BadSignature("none fits"), errors.WebhookRejected, "the signature was rejected: none fits"),
    (errors.Stale(301), errors.WebhookRejected, "the signature's timestamp is 301 s old"),
    (errors.Stale(-60), errors.WebhookRejected, "the signature's timestamp is 60 s in the future"),
    (errors.Malformed("it is empty"), errors.WebhookRejected, "the body is not a webhook: it is empty"),
]
named = [error for error, _, _ in SENTENCES]
named_ids = [type(error).__name__ for error in named]


@pytest.mark.parametrize(("error", "kind", "sentence"), SENTENCES, ids=named_ids)
def test_an_error_says_in_a_sentence_what_happened(error, kind, sentence):
    assert str(error) == sentence
    assert isinstance(error, kind)


def test_every_error_has_its_sentence_here():
    groups = {"BillingError", "Refused", "Unknown", "StoreError", "ProviderError", "WebhookRejected"}

    assert {*errors.__all__} - groups == {*named_ids}


@pytest.mark.parametrize("name", errors.__all__)
def test_everything_raised_on_purpose_has_one_root(name):
    assert issubclass(getattr(errors, name), errors.BillingError)


@pytest.mark.parametrize(
    "group", [errors.Refused, errors.Unknown, errors.StoreError, errors.ProviderError, errors.WebhookRejected]
)
def test_a_group_speaks_for_itself(group):
    assert str(group()) == group.__doc__


def test_an_error_without_a_word_of_its_own_is_called_by_its_name():
    undocumented = type("Undocumented", (errors.BillingError,), {"__doc__": None})

    assert str(undocumented()) == "Undocumented"


@pytest.mark.parametrize("error", named, ids=named_ids)
def test_the_facts_of_an_error_cannot_be_changed(error):
    field = attrs.fields(type(error))[0].name

    with pytest.raises(AttributeError):
        setattr(error, field, "changed")


@pytest.mark.parametrize("travel", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))], ids=["copied", "pickled"])  # noqa: S301 - our own bytes
@pytest.mark.parametrize("error", named, ids=named_ids)
def test_an_error_can_be_copied_and_crosses_processes(error, travel):
    travelled = travel(error)

    assert type(travelled) is type(error)
    assert (attrs.asdict(travelled), str(travelled)) == (attrs.asdict(error), str(error))


def test_an_error_can_be_raised_from_another_and_annotated():
    error = errors.Invalid("amount", "is bad")
    error.add_note("while reading the form")

    with pytest.raises(errors.Invalid) as caught:
        raise error from ValueError("cause")

    assert (str(caught.value.__cause__), caught.value.__notes__) == ("cause", ["while reading the form"])
