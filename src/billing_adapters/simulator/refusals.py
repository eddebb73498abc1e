"""Refusals: what Stripe answers instead of an object. Source: https://docs.stripe.com/api/errors and /error-codes."""

from http import HTTPStatus
from typing import Any

from attrs import frozen

__all__ = [
    "Refused",
    "blank",
    "card_declined",
    "exclusive",
    "invalid",
    "missing",
    "no_such",
    "unexpected_state",
    "unknown",
    "unknown_route",
]

_INVALID = "invalid_request_error"


@frozen
class Refused(Exception):
    """A request that Stripe refuses: the status of its answer, and the members of `error` in it."""

    status: int
    error: dict[str, Any]

    def __str__(self) -> str:
        """Return the sentence for people."""
        return str(self.error["message"])


def invalid(
    message: str, param: str | None = None, code: str | None = None, status: int = HTTPStatus.BAD_REQUEST, **more: object
) -> Refused:
    """Return an `invalid_request_error`: the general refusal."""
    return Refused(status, _error(_INVALID, message, param=param, code=code, **more))


def missing(param: str) -> Refused:
    """Return the refusal of a request that lacks a parameter."""
    return invalid(f"Missing required param: {param}.", param, "parameter_missing")


def unknown(param: str) -> Refused:
    """Return the refusal of a parameter that the endpoint does not have."""
    return invalid(f"Received unknown parameter: {param}", param, "parameter_unknown")


def blank(param: str) -> Refused:
    """Return the refusal of an empty value where nothing can be unset."""
    message = (
        f"You passed an empty string for '{param}'. We assume empty values are an attempt to unset a field; however "
        f"'{param}' cannot be unset. You should remove '{param}' from your request or supply a non-empty value."
    )
    return invalid(message, param, "parameter_invalid_empty")


def exclusive(first: str, second: str) -> Refused:
    """Return the refusal of two parameters that exclude each other."""
    return invalid(f"You may only specify one of these parameters: {first}, {second}.", first, "parameters_exclusive")


def no_such(kind: str, object_id: object, param: str = "id", hint: str = "") -> Refused:
    """Return the refusal of an id that names nothing: 404 if the URL named it, 400 if a parameter did."""
    status = HTTPStatus.NOT_FOUND if param == "id" else HTTPStatus.BAD_REQUEST
    return invalid(f"No such {kind}: '{object_id}'{hint}", param, "resource_missing", status)


def unexpected_state(kind: str, message: str, **more: Any) -> Refused:  # noqa: ANN401 - any members
    """Return the refusal of what an object's status does not allow: `payment_intent_unexpected_state` and the like."""
    return invalid(message, code=f"{kind}_unexpected_state", **more)


def unknown_route(method: str, path: str) -> Refused:
    """Return the refusal of a URL that Stripe, or this simulator, does not have."""
    message = (
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at "
        "https://support.stripe.com/."
    )
    return invalid(message, status=HTTPStatus.NOT_FOUND)


def card_declined(message: str, code: str, decline_code: str | None = None, **more: object) -> Refused:
    """Return a `card_error`, which is 402: the payment was tried and failed."""
    return Refused(HTTPStatus.PAYMENT_REQUIRED, _error("card_error", message, code=code, decline_code=decline_code, **more))


def _error(kind: str, message: str, *, code: str | None = None, **more: object) -> dict[str, Any]:
    described: dict[str, Any] = {"message": message, "type": kind}
    if code:
        described["code"] = code
        described["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
    return {**described, **{name: value for name, value in more.items() if value is not None}}
