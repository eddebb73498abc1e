"""The world: everything that a simulated Stripe remembers, its ids and its clock. No I/O, and no luck but the seed's.

Objects are plain dictionaries in the shape of `VERSION`, in one table per kind. Moments are seconds, as at Stripe.
"""

import heapq
import string
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import TypeAlias

from attrs import define, field, frozen

from billing_adapters.simulator.changes import previous_attributes
from billing_adapters.simulator.presenting import JsonObject, presented
from billing_adapters.simulator.refusals import no_such

__all__ = ["VERSION", "Action", "Caller", "JsonObject", "World"]

VERSION = "2026-10-28.endive"

Action: TypeAlias = Callable[["World"], None]
Listener: TypeAlias = Callable[["World", JsonObject], None]

_LETTERS = string.ascii_letters + string.digits
_ID_LENGTHS = {"cus": 14, "prod": 14, "req": 14, "whsec": 32}
_ID_LENGTH = 24


@frozen
class Caller:
    """Who asks: what a request says about itself. Without a request it is the clock that makes things happen."""

    livemode: bool = False
    version: str = ""
    request_id: str | None = None
    idempotency_key: str | None = None


@define(eq=False)
class World:
    """What there is, and what is going to happen.

    Args:
        random: The only source of luck: ids and secrets come from it.
        now: The moment, in seconds.
        api_version: The account's own version, in which events are written for whoever does not ask for another.
        site: Where the pages are that objects name, such as the one on which a payment is authenticated.
    """

    random: Random = field(repr=False)
    now: int
    api_version: str = VERSION
    site: str = "https://stripe.simulator.invalid"
    caller: Caller = Caller()
    listeners: list[Listener] = field(factory=list, repr=False)
    _tables: dict[str, dict[str, JsonObject]] = field(factory=dict, repr=False)
    _removed: dict[tuple[str, str], JsonObject] = field(factory=dict, repr=False)
    _modes: dict[tuple[str, str], bool] = field(factory=dict, repr=False)
    _due: list[tuple[int, int, bool, Action]] = field(factory=list, repr=False)
    _scheduled: int = 0

    # Ids ------------------------------------------------------------------------------------------------------------------

    def new_id(self, prefix: str) -> str:
        """Return a new id, such as `cus_...`."""
        return f"{prefix}_{self.letters(_ID_LENGTHS.get(prefix, _ID_LENGTH))}"

    def letters(self, length: int) -> str:
        """Return letters and digits that nobody guesses, except from the seed."""
        return "".join(self.random.choices(_LETTERS, k=length))

    # Tables ---------------------------------------------------------------------------------------------------------------

    def table(self, kind: str) -> dict[str, JsonObject]:
        """Return all objects of a kind by id, oldest first; a name of no kind is a private notebook of a resource."""
        return self._tables.setdefault(kind, {})

    def add(self, made: JsonObject) -> JsonObject:
        """Keep a new object, and return it."""
        self.table(made["object"])[made["id"]] = made
        if "livemode" not in made:
            self._modes[made["object"], made["id"]] = self.caller.livemode
        return made

    def remove(self, gone: JsonObject) -> JsonObject:
        """Forget an object, and return what Stripe answers then."""
        del self.table(gone["object"])[gone["id"]]
        stub = {"id": gone["id"], "object": gone["object"], "deleted": True}
        self._removed[gone["object"], gone["id"]] = stub
        return stub

    def removed(self, kind: str, object_id: str) -> JsonObject | None:
        """Return what Stripe still says about an object that was deleted, or None."""
        return self._removed.get((kind, object_id))

    def find(self, kind: str, object_id: str) -> JsonObject | None:
        """Return an object of the caller's mode, test or live, or None."""
        found = self.table(kind).get(object_id)
        return found if found is not None and self._is_visible(found) else None

    def get(self, kind: str, object_id: str, param: str = "id") -> JsonObject:
        """Return an object of the caller's mode; `param` is the parameter that named it, `id` the URL.

        Raises:
            Refused: There is none; the answer says so if it is in the other mode.
        """
        found = self.table(kind).get(object_id)
        if found is None:
            raise no_such(kind, object_id, param)
        if not self._is_visible(found):
            there, key = ("live", "test") if self.livemode_of(found) else ("test", "live")
            hint = f"; a similar object exists in {there} mode, but a {key} mode key was used to make this request."
            raise no_such(kind, object_id, param, hint)
        return found

    def rows(self, kind: str, older_than: str | None = None) -> Iterator[JsonObject]:
        """Iterate over the objects of a kind in the caller's mode, newest first, from behind one of them on."""
        newest = reversed(self.table(kind).values())
        if older_than is not None:
            next(one for one in newest if one["id"] == older_than)
        return filter(self._is_visible, newest)

    def _is_visible(self, one: JsonObject) -> bool:
        return self.livemode_of(one) == self.caller.livemode

    def livemode_of(self, one: JsonObject) -> bool:
        """Return the mode of an object: what it says, or for what says nothing, such as a refund, that of its maker."""
        mode = one.get("livemode")
        return self._modes.get((one["object"], one["id"]), self.caller.livemode) if mode is None else bool(mode)

    # Events ---------------------------------------------------------------------------------------------------------------

    def emit(self, kind: str, about: JsonObject, previous: JsonObject | None = None) -> JsonObject:
        """Record an event about an object as it is now; `previous` is what an update changed, as it was."""
        data: JsonObject = {"object": presented(about)}
        if previous is not None:
            data["previous_attributes"] = previous
        event = self.add({
            "id": self.new_id("evt"),
            "object": "event",
            "api_version": self.api_version,
            "created": self.now,
            "data": data,
            "livemode": self.livemode_of(about),
            "pending_webhooks": 0,
            "request": {"id": self.caller.request_id, "idempotency_key": self.caller.idempotency_key},
            "type": kind,
        })
        for listener in self.listeners:
            listener(self, event)
        return event

    @contextmanager
    def changing(self, one: JsonObject, kind: str) -> Iterator[JsonObject]:
        """Let the block change an object, and tell what it changed in an event; if nothing, there is none.

        If the block fails, the members are as they were: so it replaces them, and changes nothing inside of them.
        """
        before, whole = presented(one), dict(one)
        try:
            yield one
        except BaseException:
            one.clear()
            one.update(whole)
            raise
        previous = previous_attributes(before, presented(one))
        if previous:
            self.emit(kind, one, previous)

    # Time -----------------------------------------------------------------------------------------------------------------

    def schedule(self, when: int, action: Action) -> None:
        """Let something happen at a moment, in the mode of the caller; the action looks whether it still should."""
        self._scheduled += 1
        heapq.heappush(self._due, (when, self._scheduled, self.caller.livemode, action))

    def advance(self, to: int) -> None:
        """Move the clock forward; what falls due meanwhile happens in order of time, each at its own moment."""
        while self._due and self._due[0][0] <= to:
            when, _, livemode, action = heapq.heappop(self._due)
            self.now = max(self.now, when)
            with self.called_by(Caller(livemode)):
                action(self)
        self.now = max(self.now, to)

    @contextmanager
    def called_by(self, caller: Caller) -> Iterator[None]:
        """Let the block happen on behalf of a caller."""
        before, self.caller = self.caller, caller
        try:
            yield
        finally:
            self.caller = before

    def new(self, kind: str, prefix: str, members: JsonObject, object_id: str | None = None) -> JsonObject:
        """Return an object with the members that every object has, and these; it is not kept yet."""
        return {
            "id": object_id or self.new_id(prefix),
            "object": kind,
            "created": self.now,
            "livemode": self.caller.livemode,
            **members,
        }
