"""History: Stripe's events of the last 30 days, the earliest first, although Stripe lists them the latest first."""

import json

from billing_adapters.stripe.calls import PAGE, Answer, Calls
from billing_adapters.stripe.reading import Json
from billing_core.domain.pages import EventPage
from billing_core.errors import Invalid

__all__ = ["events"]

_PATH = "/v1/events"


def events(calls: Calls, after: str | None) -> EventPage:
    """Return some events that came after another one, or the earliest that there are."""
    if after == "":
        raise Invalid("after", "must be the id of an event, or None to begin with the earliest")
    if after is None:
        return _earliest(calls)
    # Those that are listed right before it are the ones that came right after it.
    answer = calls.get(_PATH, limit=PAGE, ending_before=after)
    return _page(answer.listed, more=answer.more)


def _earliest(calls: Calls) -> EventPage:
    """Return the last page of the list; its moment is searched for by halves, for a page leads only to the next one."""
    answer = calls.get(_PATH, limit=PAGE)
    whole = not answer.more
    nothing_before, others_from = 0, _created(answer)
    while answer.more and others_from - nothing_before > 1:
        between = (nothing_before + others_from) // 2
        tried = calls.get(_PATH, limit=PAGE, created={"lt": between})
        if tried.listed:
            answer, others_from = tried, min(between, _created(tried))
        else:
            nothing_before = between
    while answer.more:  # all that are left are of one second
        answer = calls.get(_PATH, limit=PAGE, starting_after=answer.listed[-1].get("id"))
    return _page(answer.listed, more=not whole)


def _created(answer: Answer) -> int:
    """Return when the earliest event of a page came."""
    created = answer.listed[-1].get("created") if answer.listed else None
    return created if isinstance(created, int) else 0


def _page(newest_first: tuple[Json, ...], *, more: bool) -> EventPage:
    found = newest_first[::-1]
    last = found[-1].get("id") if found else None
    bodies = tuple(json.dumps(one, ensure_ascii=False, separators=(",", ":")).encode() for one in found)
    return EventPage(bodies, last if isinstance(last, str) else None, more and bool(found))
