"""Reading credits: what an account has, how that came to be, and what a command would do to it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from attrs import frozen

from billing_core.domain.credits import (
    Account,
    AccountId,
    AnyCommand,
    Audit,
    Balance,
    Entry,
    Expiring,
    Explanation,
    Finding,
    Hold,
    Needs,
    audit,
    balance_as_of,
    balance_at,
    decide,
    explain,
    holds_at,
)
from billing_core.domain.money import MAX_AMOUNT, whole
from billing_core.domain.times import moment
from billing_core.errors import Invalid, UnknownAccount, UnknownEntry
from billing_core.ports import Clock, Ledger, Store

__all__ = ["UNIT", "Reading", "Report", "Statement"]

UNIT = "credits"
_LONGEST_PAGE = 1000


@frozen
class Statement:
    """One page of an account's entries, the latest first. Pass `next_before` on for the page of older ones."""

    account: AccountId
    entries: Sequence[Entry]
    next_before: int | None


@frozen
class Report:
    """What a verification found: how many accounts and entries it went through, and whatever is not as it must be."""

    accounts: int
    entries: int
    findings: Sequence[Finding]


@frozen
class Reading:
    """The questions that can be asked of credits; none of them writes anything."""

    _store: Store
    _clock: Clock

    def balance(self, account: str, *, unit: str = UNIT, at: datetime | None = None) -> Balance:
        """Return what an account has now, or by the entries recorded until a past moment what it had then.

        One that was never granted anything has nothing. A past balance is counted from the account's first entry on, and
        takes as long as there are entries.

        Raises:
            Invalid: `at` lies in the future, or is not aware.
        """
        named, now = AccountId(account, unit), self._clock.now()
        if at is None:
            return balance_at(self._load(Needs(named)), now)
        if moment(at) > now:
            raise Invalid("at", "must not lie in the future")
        with self._store.view() as view:
            return balance_as_of(named, _journal(view.ledger, named), moment(at))

    def expiring(self, account: str, within: timedelta, *, unit: str = UNIT) -> Sequence[Expiring]:
        """Return what an account will lose within a time from now unless it is used before, the earliest first."""
        balance = self.balance(account, unit=unit)
        return [one for one in balance.expiring if one.at - balance.as_of <= within]

    def statement(self, account: str, *, unit: str = UNIT, before: int | None = None, limit: int = 50) -> Statement:
        """Return the entries of an account with a smaller number than `before`, the latest first.

        Raises:
            UnknownAccount: Nothing was ever written on the account.
            Invalid: `limit` is no number from 1 to 1000.
        """
        if not 1 <= whole("limit", limit) <= _LONGEST_PAGE:
            raise Invalid("limit", f"must be from 1 to {_LONGEST_PAGE}")
        named = AccountId(account, unit)
        if before is not None:
            whole("before", before)
        with self._store.view() as view:
            found = view.ledger.entries(named, before=before, limit=limit + 1)
        if not found and before is None:
            raise UnknownAccount(str(named))
        page = found[:limit]
        return Statement(named, page, page[-1].seq if len(found) > limit else None)

    def holds(self, account: str, *, unit: str = UNIT) -> Sequence[Hold]:
        """Return the holds of an account that are open now, in the order in which they were placed."""
        return holds_at(self._load(Needs(AccountId(account, unit))), self._clock.now())

    def explain(self, account: str, seq: int, *, unit: str = UNIT) -> Explanation:
        """Return an entry with the reason of each of its movements: which lot, with which terms, and why in that order.

        Raises:
            UnknownEntry: The account has no entry of this number.
        """
        named = AccountId(account, unit)
        with self._store.view() as view:
            entry = _entry(view.ledger, named, whole("seq", seq))
            # The terms of a lot were frozen in the entry that opened it, which has the lot's number.
            openings = [_entry(view.ledger, named, number).opened for number in {one.lot for one in entry.movements}]
        return explain(entry, [lot for lot in openings if lot])

    def preview(self, command: AnyCommand) -> Sequence[Entry]:
        """Return the entries that a command would write now on its account, and write nothing.

        There are none if it was carried out before.

        Raises:
            BillingError: Whatever carrying it out would raise.
        """
        return decide(self._load(Needs.of(command)), command, self._clock.now())

    def verify(self, account: str | None = None, *, unit: str = UNIT) -> Report:
        """Replay the entries of an account, or of all accounts in all units, and compare with what is stored.

        It reads everything, in one look at each account, and hinders nobody.

        Raises:
            UnknownAccount: Nothing was ever written on the account.
        """
        if account is None:
            return _report(self._audit(one) for one in self._all())
        named = AccountId(account, unit)
        audited = self._audit(named)
        if not audited.entries and not audited.findings:
            raise UnknownAccount(str(named))
        return _report([audited])

    def _audit(self, account: AccountId) -> Audit:
        with self._store.view() as view:
            stored = view.ledger.load([Needs(account, everything=True)])[account]
            return audit(stored, _journal(view.ledger, account))

    def _all(self) -> Iterator[AccountId]:
        last: AccountId | None = None
        while True:
            with self._store.view() as view:
                found = view.ledger.accounts(after=last, limit=_LONGEST_PAGE)
            yield from found
            if len(found) < _LONGEST_PAGE:
                return
            last = found[-1]

    def _load(self, needs: Needs) -> Account:
        with self._store.view() as view:
            return view.ledger.load([needs])[needs.account]


def _journal(ledger: Ledger, account: AccountId) -> Iterator[Entry]:
    """Return all entries of an account from the first one on, page by page."""
    last = 0
    while page := ledger.journal(account, after=last, limit=_LONGEST_PAGE):
        yield from page
        last = page[-1].seq


def _report(audits: Iterable[Audit]) -> Report:
    accounts, entries = 0, 0
    findings: list[Finding] = []
    for one in audits:
        accounts += 1
        entries += one.entries
        findings.extend(one.findings)
    return Report(accounts, entries, tuple(findings))


def _entry(ledger: Ledger, account: AccountId, seq: int) -> Entry:
    found = ledger.entries(account, before=seq + 1, limit=1) if 0 < seq <= MAX_AMOUNT else ()
    if not found or found[0].seq != seq:
        raise UnknownEntry(str(account), seq)
    return found[0]
