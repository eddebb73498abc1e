"""Faults: what goes wrong on demand, between a client and Stripe, and on a webhook's way back."""

from collections.abc import Sequence
from datetime import timedelta
from enum import Enum
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import TypeVar

from attrs import define, field

from billing_adapters.simulator.exchange import Answer, Call, Silence, Silent, answered
from billing_adapters.simulator.limits import too_many

__all__ = ["Faults", "WebhookFaults"]

_Sent = TypeVar("_Sent")

_HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@define
class _WebhookFault:
    kind: str
    times: int
    copies: int
    delay: timedelta


@define
class WebhookFaults:
    """What goes wrong with the next webhooks of a type, such as `invoice.paid`; `*` is any."""

    _faults: list[_WebhookFault] = field(factory=list)
    _reordered: int = 0

    def drop(self, kind: str = "*", *, times: int = 1) -> None:
        """Never send them."""
        self._faults.append(_WebhookFault(kind, times, 0, timedelta()))

    def duplicate(self, kind: str = "*", *, copies: int = 2, times: int = 1) -> None:
        """Send each so many times."""
        self._faults.append(_WebhookFault(kind, times, copies, timedelta()))

    def delay(self, by: timedelta, kind: str = "*", *, times: int = 1) -> None:
        """Send them later, by the simulated clock."""
        self._faults.append(_WebhookFault(kind, times, 1, by))

    def reorder(self, count: int = 2) -> None:
        """Send the next so many in the opposite order."""
        self._reordered = count

    def clear(self) -> None:
        """Let everything go well again."""
        self._faults.clear()
        self._reordered = 0

    def sendings(self, kind: str) -> Sequence[int]:
        """Return how many seconds later each copy of a webhook is sent; none if it is dropped."""
        fault = next((one for one in self._faults if fnmatchcase(kind, one.kind)), None)
        if fault is None:
            return (0,)
        fault.times -= 1
        if not fault.times:
            self._faults.remove(fault)
        return (int(fault.delay.total_seconds()),) * fault.copies

    def ordered(self, waiting: list[_Sent]) -> list[_Sent]:
        """Return deliveries in the order in which they are sent."""
        count, self._reordered = min(self._reordered, len(waiting)), 0
        return [*reversed(waiting[:count]), *waiting[count:]] if count > 1 else waiting


class _When(Enum):
    BEFORE = "before"
    AFTER = "after"


@define
class _Fault:
    """One thing that will go wrong, so many times, once so many requests that match have gone well."""

    when: _When
    method: str
    path: str
    skip: int
    times: int
    outcome: Answer | Silence

    def matches(self, call: Call) -> bool:
        return self.method in {"*", call.method} and fnmatchcase(call.path, self.path)


@define
class Faults:
    """What will go wrong. Each fault is for the next request that matches a method and a path such as `/v1/customers/*`.

    `skip` requests that match go well first, and then `times` of them fail.
    """

    webhooks: WebhookFaults = field(factory=WebhookFaults)
    _faults: list[_Fault] = field(factory=list)

    def time_out(
        self, method: str = "*", path: str = "*", *, after_effect: bool = False, skip: int = 0, times: int = 1
    ) -> None:
        """Let no answer arrive: before anything happened, or after everything did."""
        when = _When.AFTER if after_effect else _When.BEFORE
        self._faults.append(_Fault(when, method, path, skip, times, Silence.TIMED_OUT))

    def refuse_connection(self, method: str = "*", path: str = "*", *, skip: int = 0, times: int = 1) -> None:
        """Let no connection come about."""
        self._faults.append(_Fault(_When.BEFORE, method, path, skip, times, Silence.REFUSED))

    def limit_rate(self, method: str = "*", path: str = "*", *, skip: int = 0, times: int = 1) -> None:
        """Answer 429: too many requests."""
        refused = too_many()
        self._add(_When.BEFORE, method, path, skip, times, answered(refused.status, {"error": refused.error}, {}))

    def fail(
        self, method: str = "*", path: str = "*", *, after_effect: bool = False, skip: int = 0, times: int = 1
    ) -> None:
        """Answer 500: before anything happened, or after everything did."""
        error = {"message": "An unknown error occurred.", "type": "api_error"}
        answer = answered(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": error}, {})
        self._add(_When.AFTER if after_effect else _When.BEFORE, method, path, skip, times, answer)

    def answer_html(
        self,
        method: str = "*",
        path: str = "*",
        *,
        status: int = HTTPStatus.BAD_GATEWAY,
        after_effect: bool = False,
        skip: int = 0,
        times: int = 1,
    ) -> None:
        """Answer a page of HTML, as something between a client and Stripe does."""
        answer = Answer(status, {"Content-Type": "text/html"}, _HTML)
        self._add(_When.AFTER if after_effect else _When.BEFORE, method, path, skip, times, answer)

    def clear(self) -> None:
        """Let everything go well again."""
        self._faults.clear()
        self.webhooks.clear()

    def before(self, call: Call) -> Answer | None:
        """Return what is answered instead of doing what a request asks for, or None.

        Raises:
            Silent: Nothing is answered.
        """
        return self._take(_When.BEFORE, call)

    def after(self, call: Call) -> Answer | None:
        """Return what is answered instead of what was done, or None.

        Raises:
            Silent: Nothing is answered.
        """
        return self._take(_When.AFTER, call)

    def _add(self, when: _When, method: str, path: str, skip: int, times: int, outcome: Answer) -> None:
        self._faults.append(_Fault(when, method, path, skip, times, outcome))

    def _take(self, when: _When, call: Call) -> Answer | None:
        fault = next((one for one in self._faults if one.when == when and one.matches(call)), None)
        if fault is None:
            return None
        if fault.skip:
            fault.skip -= 1
            return None
        fault.times -= 1
        if not fault.times:
            self._faults.remove(fault)
        if isinstance(fault.outcome, Silence):
            raise Silent(fault.outcome)
        return fault.outcome
