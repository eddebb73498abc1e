"""What every store of payments must do: keep each one exactly, once, and for good."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import attrs
import pytest

from billing_core.domain.money import Money
from billing_core.domain.payments import Invoice, InvoiceLine, Payment, Settlement
from billing_core.ports import Store, UnitOfWork
from billing_core.testing import strategies
from billing_core.testing.contracts.claims import every, keep, meanwhile, shape
from billing_core.testing.examples import NOW, a_payment, an_invoice, fresh

__all__ = ["PaymentsContract"]


def _like(unit: UnitOfWork, payment: Payment) -> list[Payment]:
    """Return the payments of a payment's account."""
    return [*unit.payments.payments_of(payment.account or "")]


def _beside(unit: UnitOfWork, invoice: Invoice) -> list[Invoice]:
    """Return the invoices of an invoice's subscription."""
    return [*unit.payments.invoices_of(invoice.subscription or "")]


def _answer(store: Store, record: Callable[[UnitOfWork], bool]) -> bool:
    """Record in a unit of its own, and return what the store said."""
    with store.begin() as unit:
        new = record(unit)
        unit.commit()
    return new


class PaymentsContract:
    """What `Payments` promises."""

    @every(drawn=strategies.payments())
    def test_a_payment_is_kept_exactly(self, store: Store, drawn: Payment) -> None:
        """Whatever it was for."""
        account = fresh((drawn.account or "user")[:200])
        payment = attrs.evolve(drawn, id=fresh(drawn.id[:200]), account=account)

        keep(store, lambda unit: unit.payments.record_payment(payment))

        with store.view() as unit:
            assert [shape(one) for one in unit.payments.payments_of(account)] == [shape(payment)]

    @every(drawn=strategies.invoices())
    def test_an_invoice_is_kept_exactly(self, store: Store, drawn: Invoice) -> None:
        """With its lines."""
        subscription = fresh((drawn.subscription or "sub")[:200])
        invoice = attrs.evolve(drawn, id=fresh(drawn.id[:200]), subscription=subscription)

        keep(store, lambda unit: unit.payments.record_invoice(invoice))

        with store.view() as unit:
            assert [shape(one) for one in unit.payments.invoices_of(subscription)] == [shape(invoice)]

    def test_invoices_are_found_by_their_ids(self, store: Store) -> None:
        """Each with its own lines; what is unknown is absent."""
        one, other = an_invoice(lines=(InvoiceLine("il_1", Money(1, "usd")),)), an_invoice()
        keep(store, lambda unit: unit.payments.record_invoice(one))
        keep(store, lambda unit: unit.payments.record_invoice(other))

        with store.view() as unit:
            assert unit.payments.invoices([one.id, other.id, "in_nobody_knows"]) == {one.id: one, other.id: other}
            assert unit.payments.invoices([]) == {}

    def test_lines_stay_in_their_order(self, store: Store) -> None:
        """Which is the invoice's own, and no order of ids or amounts."""
        lines = tuple(InvoiceLine(f"il_{number}", Money(number, "usd")) for number in (5, 1, 12, 3, 2))
        invoice = an_invoice(lines=lines)

        keep(store, lambda unit: unit.payments.record_invoice(invoice))

        with store.view() as unit:
            (found,) = _beside(unit, invoice)
        assert found.lines == lines

    def test_two_invoices_may_name_their_lines_alike(self, store: Store) -> None:
        """A line's id is unique within its invoice only."""
        line = InvoiceLine("il_1", Money(1, "usd"))
        first = an_invoice(lines=(line,))
        second = an_invoice(lines=(line,), subscription=first.subscription, paid_at=NOW + timedelta(days=1))

        keep(store, lambda unit: unit.payments.record_invoice(first))
        keep(store, lambda unit: unit.payments.record_invoice(second))

        with store.view() as unit:
            assert _beside(unit, first) == [first, second]

    def test_a_payment_recorded_again_stays_as_it_was(self, store: Store) -> None:
        """Money that arrived does not change; the answer tells whether it was new."""
        payment = a_payment()
        again = attrs.evolve(payment, amount=Money(1, "eur"))

        first = _answer(store, lambda unit: unit.payments.record_payment(payment))
        second = _answer(store, lambda unit: unit.payments.record_payment(again))

        with store.view() as unit:
            assert _like(unit, payment) == [payment]
        assert (first, second) == (True, False)

    def test_an_invoice_recorded_again_stays_as_it_was(self, store: Store) -> None:
        """Its lines neither change nor double; the answer tells whether it was new."""
        invoice = an_invoice(lines=(InvoiceLine("il_1", Money(1000, "usd")),))
        again = attrs.evolve(invoice, lines=(*invoice.lines, InvoiceLine("il_2", Money(1, "usd"))))

        first = _answer(store, lambda unit: unit.payments.record_invoice(invoice))
        second = _answer(store, lambda unit: unit.payments.record_invoice(again))

        with store.view() as unit:
            assert _beside(unit, invoice) == [invoice]
        assert (first, second) == (True, False)

    def test_a_payment_recorded_twice_in_one_unit_is_kept_once(self, store: Store) -> None:
        """The second time does nothing there either."""
        payment = a_payment()

        with store.begin() as unit:
            first = unit.payments.record_payment(payment)
            second = unit.payments.record_payment(payment)
            unit.commit()

        with store.view() as unit:
            assert _like(unit, payment) == [payment]
        assert (first, second) == (True, False)

    def test_a_payment_recorded_by_two_at_once_is_kept_once(self, store: Store) -> None:
        """The later one is told that it is not new, and has nothing to complain about."""
        payment = a_payment()
        theirs: list[bool] = []

        with store.begin() as unit:
            ours = unit.payments.record_payment(payment)
            error = meanwhile(store, lambda other: theirs.append(other.payments.record_payment(payment)), unit.commit)

        with store.view() as unit:
            assert _like(unit, payment) == [payment]
        assert (ours, theirs, error) == (True, [False], None)

    def test_an_invoice_recorded_by_two_at_once_is_kept_once(self, store: Store) -> None:
        """The later one is told that it is not new, and its lines do not double."""
        invoice = an_invoice(lines=(InvoiceLine("il_1", Money(1000, "usd")),))
        theirs: list[bool] = []

        with store.begin() as unit:
            ours = unit.payments.record_invoice(invoice)
            error = meanwhile(store, lambda other: theirs.append(other.payments.record_invoice(invoice)), unit.commit)

        with store.view() as unit:
            assert _beside(unit, invoice) == [invoice]
        assert (ours, theirs, error) == (True, [False], None)

    def test_a_payment_that_was_dropped_is_new_again(self, store: Store) -> None:
        """It is known once it is committed."""
        payment = a_payment()
        with store.begin() as unit:
            unit.payments.record_payment(payment)

        assert _answer(store, lambda unit: unit.payments.record_payment(payment))

    def test_payments_of_an_account_come_oldest_first(self, store: Store) -> None:
        """Then by id; those of others, and of nobody, do not."""
        account = fresh("user")
        earliest = a_payment(id="pay_3", account=account, paid_at=NOW - timedelta(microseconds=1))
        tied = [a_payment(id=one, account=account) for one in ("pay_1", "pay_2")]
        with store.begin() as unit:
            for one in (tied[1], earliest, tied[0], a_payment(), a_payment(account=None)):
                unit.payments.record_payment(one)
            unit.commit()

        with store.view() as unit:
            found = unit.payments.payments_of(account)

        assert [*found] == [earliest, *tied]

    def test_invoices_of_a_subscription_come_oldest_first(self, store: Store) -> None:
        """Then by id; those of others, and of none, do not."""
        subscription = fresh("sub")
        earliest = an_invoice(id="inv_3", subscription=subscription, paid_at=NOW - timedelta(microseconds=1))
        tied = [an_invoice(id=one, subscription=subscription) for one in ("inv_1", "inv_2")]
        with store.begin() as unit:
            for one in (tied[1], earliest, tied[0], an_invoice(), an_invoice(subscription=None)):
                unit.payments.record_invoice(one)
            unit.commit()

        with store.view() as unit:
            found = unit.payments.invoices_of(subscription)

        assert [*found] == [earliest, *tied]

    # Which invoice a payment was made for ---------------------------------------------------------------------------------

    @pytest.mark.parametrize("lock", [False, True], ids=["to see", "locked"])
    def test_payments_are_found_by_their_ids(self, store: Store, *, lock: bool) -> None:
        """Those of nobody, too; what is unknown is absent."""
        one, other = a_payment(), a_payment(account=None)
        keep(store, lambda unit: unit.payments.record_payment(one))
        keep(store, lambda unit: unit.payments.record_payment(other))

        with store.begin() as unit:
            assert unit.payments.payments([one.id, other.id, "pay_nobody_knows", one.id], lock=lock) == {
                one.id: one,
                other.id: other,
            }
            assert unit.payments.payments([], lock=lock) == {}

    def test_a_locked_payment_is_seen_by_all_and_locked_by_one(self, store: Store) -> None:
        """The second one waits, and then sees what the first one committed."""
        payment = a_payment()
        keep(store, lambda unit: unit.payments.record_payment(payment))
        seen: list[Mapping[str, str]] = []

        def look(other: UnitOfWork) -> None:
            other.payments.payments([payment.id], lock=True)
            seen.append(other.payments.settled_by([payment.id]))

        with store.begin() as unit:
            unit.payments.payments([payment.id], lock=True)
            with store.view() as view:
                assert payment.id in view.payments.payments([payment.id])
            unit.payments.record_settlement(Settlement(payment.id, "inv_1"))
            error = meanwhile(store, look, unit.commit)

        assert (seen, error) == ([{payment.id: "inv_1"}], None)

    def test_the_invoice_that_a_payment_was_made_for_is_recorded_once(self, store: Store) -> None:
        """What is recorded stays as it was; the answer tells whether it was new."""
        payment, invoice = fresh("pay"), fresh("inv")

        first = _answer(store, lambda unit: unit.payments.record_settlement(Settlement(payment, invoice)))
        second = _answer(store, lambda unit: unit.payments.record_settlement(Settlement(payment, fresh("inv"))))

        with store.view() as unit:
            assert unit.payments.settled_by([payment, "pay_nobody_knows"]) == {payment: invoice}
            assert unit.payments.settled_by([]) == {}
        assert (first, second) == (True, False)

    def test_payments_of_an_invoice_come_by_id(self, store: Store) -> None:
        """Those of other invoices do not."""
        invoice = fresh("inv")
        ours = [fresh("pay") for _ in range(3)]
        with store.begin() as unit:
            for one in ours:
                unit.payments.record_settlement(Settlement(one, invoice))
            unit.payments.record_settlement(Settlement(fresh("pay"), fresh("inv")))
            unit.commit()

        with store.view() as unit:
            assert [*unit.payments.settling(invoice)] == sorted(ours)
            assert [*unit.payments.settling(fresh("inv"))] == []
