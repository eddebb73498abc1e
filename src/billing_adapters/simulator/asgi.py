"""The door over HTTP: an ASGI application, for any of Stripe's libraries and its command line.

Besides Stripe's own addresses there are the pages that objects name (see `pages`), `/authenticate/{id}`, where they send
the owner of a card, and `/_simulator/clock`, which a POST of `seconds` advances. Webhooks are posted after each request.
"""

import asyncio
import contextlib
import logging
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import timedelta
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from attrs import define, field

from billing_adapters.simulator.exchange import Answer, Call, Silence, Silent, answered
from billing_adapters.simulator.pages import is_page
from billing_adapters.simulator.simulated import SimulatedStripe

__all__ = ["post", "simulator_asgi"]

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_CLOCK = "/_simulator/clock"
_AUTHENTICATE = "/authenticate/"
_ANSWER_WITHIN_SECONDS = 10
_MOST_READ = 2**20

_log = logging.getLogger(__name__)


def simulator_asgi(stripe: SimulatedStripe, deliver_every: float | None = None) -> "SimulatorApp":
    """Return an application that answers for a simulated Stripe.

    Args:
        stripe: Who answers.
        deliver_every: How many seconds between two looks at what falls due, for a clock that runs by itself.
    """
    return SimulatorApp(stripe, deliver_every)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Post a webhook, and return the status of the answer.

    Raises:
        OSError: Nobody answered.
    """
    request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310 - checked when it was registered
    try:
        with _OPENER.open(request, timeout=_ANSWER_WITHIN_SECONDS) as response:
            return int(response.status)
    except urllib.error.HTTPError as failure:
        with failure:
            return failure.code


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Takes a redirection for what Stripe takes it for: a failure."""

    def redirect_request(
        self,
        req: object,
        fp: object,
        code: object,
        msg: object,
        headers: object,
        newurl: object,
    ) -> None:
        """Go nowhere."""


_OPENER = urllib.request.build_opener(_NoRedirects, urllib.request.ProxyHandler({}))


@define(eq=False)
class SimulatorApp:
    """An ASGI application; see `simulator_asgi`."""

    stripe: SimulatedStripe
    deliver_every: float | None = None
    _delivering: asyncio.Lock = field(factory=asyncio.Lock)
    _tasks: set[asyncio.Task[None]] = field(factory=set)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one connection; what is neither HTTP nor the life of a server is none of ours."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._exchange(scope, receive, send)

    async def _exchange(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        body = await _read(receive)
        if body is None:
            return
        try:
            answer = await asyncio.to_thread(self._answer, _call(scope, body))
        except Silent as silent:
            await _stay_silent(silent.why, receive, send)
            return
        await _send(send, answer)
        self._later(self.deliver())

    def _answer(self, call: Call) -> Answer:
        if call.method == "POST" and call.path == _CLOCK:
            return _advanced(self.stripe, call)
        if call.path.startswith(_AUTHENTICATE):
            return _authenticated(self.stripe, call)
        if is_page(call.path):
            return self.stripe.page(call)
        return self.stripe.answer(call)

    async def deliver(self) -> None:
        """Post what is due, one delivery after the other."""
        async with self._delivering:
            try:
                await asyncio.to_thread(self.stripe.deliver, post)
            except Exception:  # noqa: BLE001 - it waits for the next time, and nobody else would say what happened
                _log.exception("webhooks were not delivered")

    def _later(self, doing: Any) -> None:  # noqa: ANN401 - any coroutine
        task = asyncio.get_running_loop().create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _live(self, receive: Receive, send: Send) -> None:
        if self.deliver_every is not None:
            self._later(self._keep_delivering(self.deliver_every))
        while True:
            phase = (await receive())["type"]
            if phase == "lifespan.shutdown":
                await self._finish()
            await send({"type": f"{phase}.complete"})
            if phase == "lifespan.shutdown":
                return

    async def _keep_delivering(self, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            await self.deliver()

    async def _finish(self) -> None:
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks, return_exceptions=True)


# Pages that Stripe does not have ------------------------------------------------------------------------------------------


def _advanced(stripe: SimulatedStripe, call: Call) -> Answer:
    """Move the clock forward, and say when it is."""
    given = parse_qs(call.body.decode("latin-1")).get("seconds", [""])[0]
    if not given.isdecimal():
        return answered(400, {"error": {"message": "seconds must be a whole number"}}, {})
    stripe.advance(timedelta(seconds=int(given)))
    return answered(200, {"now": stripe.now.isoformat()}, {})


_PAGE = """<!doctype html>
<html lang="en"><title>Authenticate</title>
<h1>{title}</h1>
{form}
"""
_FORM = """<form method="post"><button name="outcome" value="complete">Complete</button>
<button name="outcome" value="fail">Fail</button></form>"""


def _authenticated(stripe: SimulatedStripe, call: Call) -> Answer:
    """Let the owner of a card confirm a payment, or not; afterwards they are where the shop wants them."""
    intent_id = call.path.removeprefix(_AUTHENTICATE)
    if call.method != "POST":
        return _page("Do you want to authenticate this payment?", _FORM)
    outcome = parse_qs(call.body.decode("latin-1")).get("outcome", [""])[0]
    back = stripe.return_url(intent_id)
    try:
        stripe.authenticate(intent_id, succeeded=outcome == "complete")
    except ValueError as refused:
        return _page(str(refused).replace("<", "&lt;"), "", status=400)
    return Answer(303, {"Location": back}, b"") if back else _page("Done.", "")


def _page(title: str, form: str, status: int = 200) -> Answer:
    return Answer(status, {"Content-Type": "text/html; charset=utf-8"}, _PAGE.format(title=title, form=form).encode())


# HTTP ---------------------------------------------------------------------------------------------------------------------


def _call(scope: Mapping[str, Any], body: bytes) -> Call:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
    return Call(scope["method"], path, scope["query_string"].decode("latin-1"), headers, body)


async def _read(receive: Receive) -> bytes | None:
    """Read the body; None if the client went away, or sends more than any request of Stripe's has."""
    body = bytearray()
    more = True
    while more and len(body) <= _MOST_READ:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


async def _send(send: Send, answer: Answer) -> None:
    described = {**answer.headers, "Content-Length": str(len(answer.body))}
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in described.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _stay_silent(why: Silence, receive: Receive, send: Send) -> None:
    """Answer nothing: wait until the client gives up, or close the connection at once.

    A server cannot refuse a connection that it has accepted: it begins an answer and breaks it off.
    """
    if why == Silence.TIMED_OUT:
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
