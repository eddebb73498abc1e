"""The service: from a request to its answer, one step after the other, and the only place that knows all of them."""

from http import HTTPStatus
from typing import Any

from attrs import define, evolve, field

from billing_adapters.simulator.downgrades import downgraded
from billing_adapters.simulator.exchange import Answer, Call, answered
from billing_adapters.simulator.expanding import expanded
from billing_adapters.simulator.faults import Faults
from billing_adapters.simulator.forms import Form, decoded
from billing_adapters.simulator.idempotency import Answers
from billing_adapters.simulator.keys import authenticated
from billing_adapters.simulator.limits import RateLimit
from billing_adapters.simulator.params import Params, checked, many, text
from billing_adapters.simulator.refusals import Refused, invalid
from billing_adapters.simulator.relations import related
from billing_adapters.simulator.routes import Route, Routes
from billing_adapters.simulator.versions import asked_version
from billing_adapters.simulator.world import Caller, World

__all__ = ["Service"]

_EXPAND = many(text)
_FORM = "application/x-www-form-urlencoded"


@define(eq=False)
class Service:
    """Answers requests out of a world. It is not to be called by two threads at once."""

    world: World
    routes: Routes
    faults: Faults = field(factory=Faults)
    rate_limit: RateLimit | None = None
    revoked_keys: set[str] = field(factory=set, repr=False)
    _answers: Answers = field(factory=Answers)

    def answer(self, call: Call) -> Answer:
        """Answer a request.

        Raises:
            Silent: A fault was asked for, and no answer arrives.
        """
        described = {"Request-Id": self.world.new_id("req")}
        if call.headers.get("idempotency-key"):
            described["Idempotency-Key"] = call.headers["idempotency-key"]
        failed = self.faults.before(call)
        if failed is None:
            answer = self._judged(call, described)
            failed = self.faults.after(call)
            if failed is None:
                return answer
        return evolve(failed, headers={**described, **failed.headers})

    def _judged(self, call: Call, described: dict[str, str]) -> Answer:
        try:
            livemode = authenticated(call.headers, self.revoked_keys)
            version = asked_version(call.headers)
            described["Stripe-Version"] = version or self.world.api_version
            key = call.headers.get("idempotency-key") if call.method == "POST" else None
            caller = Caller(livemode, version, described["Request-Id"], key)
            return self._once(call, caller, described)
        except Refused as refused:
            return answered(refused.status, {"error": refused.error}, described)

    def _once(self, call: Call, caller: Caller, described: dict[str, str]) -> Answer:
        route, named = self.routes.find(call.method, call.path)
        if self.rate_limit:
            self.rate_limit.take(f"{route.method} {route.pattern}")
        key, livemode = caller.idempotency_key, caller.livemode
        before = self._answers.find(key, call, self.world.now, livemode=livemode) if key else None
        if before:
            return evolve(before, headers={**before.headers, "Request-Id": described["Request-Id"]})
        params, expand = _read(route, call, caller.version)
        with self.world.called_by(caller):
            answer = self._carried_out(route, {**params, **named}, expand, described)
        if key:
            self._answers.keep(key, call, answer, self.world.now, livemode=livemode)
        return answer

    def _carried_out(self, route: Route, params: Params, expand: list[str], described: dict[str, str]) -> Answer:
        """Answer with what a function returns or refuses: from here on it counts as executed."""
        try:
            made = expanded(self.world, route.handler(self.world, params), expand)
            return answered(HTTPStatus.OK, self._written(made), described)
        except Refused as refused:
            return answered(refused.status, {"error": self._written(refused.error)}, described)

    def _written(self, content: Any) -> Any:  # noqa: ANN401 - any JSON
        return downgraded(content, self.world.caller.version or self.world.api_version, related(self.world))


def _read(route: Route, call: Call, version: str) -> tuple[Params, list[str]]:
    form = _form(call)
    expand = _EXPAND(form.pop("expand", []), "expand")
    return checked(route.fields, form, version), expand


def _form(call: Call) -> Form:
    """Decode what a request says: in its query, or in its body."""
    if call.method != "POST":
        return decoded(call.query)
    kind = call.headers.get("content-type", _FORM).partition(";")[0].strip().lower()
    if call.body and kind != _FORM:
        raise invalid(
            f"Invalid request (check that your POST content type is {_FORM}). If you have any questions, we can help at "
            "https://support.stripe.com/."
        )
    try:
        body = call.body.decode()
    except UnicodeDecodeError:
        raise invalid("Invalid request: the body is not UTF-8.") from None
    return {**decoded(call.query), **decoded(body)}
