"""Parameters: what an endpoint takes. A check turns the text of a form into a value, or refuses it as Stripe does.

An endpoint's parameters are a mapping of names to checks. What was not given is absent from the result; what was given as
the empty text, and may be unset, is None.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from attrs import frozen

from billing_adapters.simulator import refusals

__all__ = [
    "Check",
    "Fields",
    "Params",
    "Rule",
    "amount",
    "anything",
    "checked",
    "choice",
    "clearable",
    "currency",
    "decimal",
    "either",
    "flag",
    "integer",
    "many",
    "mapping",
    "merged",
    "metadata",
    "moment",
    "nested",
    "required",
    "retired",
    "text",
]

Params: TypeAlias = dict[str, Any]
Check: TypeAlias = Callable[[Any, str], Any]

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_CURRENCY = re.compile(r"[a-z]{3}")
_LARGEST_AMOUNT = 99_999_999
_MOST_KEYS, _LONGEST_KEY, _LONGEST_VALUE = 50, 40, 500


@frozen
class Rule:
    """A check, and when it applies: the parameter is required, or retired since a version of the API."""

    check: Check
    required: bool = False
    since: str = ""
    code: str = ""
    message: str = ""


Fields: TypeAlias = Mapping[str, Check | Rule]


def required(check: Check) -> Rule:
    """Say that a parameter must be given."""
    return Rule(check, required=True)


def retired(check: Check, since: str, code: str = "parameter_unknown", message: str = "") -> Rule:
    """Say that a parameter is refused by requests that name this version of the API, or a newer one."""
    return Rule(check, since=since, code=code, message=message)


def checked(fields: Fields, given: Mapping[str, Any], version: str = "", within: str = "") -> Params:
    """Return the parameters as values.

    Args:
        fields: What the endpoint takes.
        given: The decoded form.
        version: The version that the request names; empty if it names none, which retires nothing.
        within: The name of the parameter of which these are members.

    Raises:
        Refused: One is unknown, missing, or not what it must be.
    """
    for name in given:
        if name not in fields:
            raise refusals.unknown(_named(within, name))
    for name, rule in fields.items():
        if isinstance(rule, Rule) and rule.required and name not in given:
            raise refusals.missing(_named(within, name))
    return {name: _value(fields[name], one, _named(within, name), version) for name, one in given.items()}


def _value(rule: Check | Rule, given: Any, param: str, version: str) -> Any:  # noqa: ANN401 - any value
    if not isinstance(rule, Rule):
        return rule(given, param)
    if rule.since and version >= rule.since:
        raise refusals.invalid(rule.message or f"Received unknown parameter: {param}", param, rule.code)
    return rule.check(given, param)


def _named(within: str, name: str) -> str:
    return f"{within}[{name}]" if within else name


# Checks -------------------------------------------------------------------------------------------------------------------


def text(given: Any, param: str) -> str:  # noqa: ANN401 - any form
    """Take a text that is not empty."""
    if not isinstance(given, str):
        raise refusals.invalid(f"Invalid string: {_shown(given)}", param)
    if not given:
        raise refusals.blank(param)
    return given


def anything(given: Any, param: str) -> Any:  # noqa: ANN401, ARG001 - any form
    """Take whatever it is: Stripe has rules for it, this simulator has none."""
    return given


def flag(given: Any, param: str) -> bool:  # noqa: ANN401 - any form
    """Take `true` or `false`."""
    match given:
        case "true" | "True" | True:
            return True
        case "false" | "False" | False:
            return False
        case "":
            raise refusals.blank(param)
        case _:
            raise refusals.invalid(f"Invalid boolean: {_shown(given)}", param)


def integer(least: int | None = None, most: int | None = None) -> Check:
    """Take a whole number within these bounds."""

    def check(given: Any, param: str) -> int:  # noqa: ANN401 - any form
        if given == "":
            raise refusals.blank(param)
        if not isinstance(given, str | int) or not _INTEGER.fullmatch(str(given)):
            raise refusals.invalid(f"Invalid integer: {_shown(given)}", param, "parameter_invalid_integer")
        number = int(given)
        if least is not None and number < least:
            wanted = (
                "Invalid non-negative integer" if least == 0 else f"This value must be greater than or equal to {least}"
            )
            raise refusals.invalid(wanted, param, "parameter_invalid_integer")
        if most is not None and number > most:
            message = f"This value must be less than or equal to {most} (it currently is '{number}')."
            raise refusals.invalid(message, param, "parameter_invalid_integer")
        return number

    return check


moment = integer(0)
amount = integer(0, _LARGEST_AMOUNT)


def decimal(given: Any, param: str) -> Decimal:  # noqa: ANN401 - any form
    """Take a number with at most twelve decimal places, as Stripe's `_decimal` parameters have."""
    try:
        number = Decimal(given)
    except (InvalidOperation, TypeError, ValueError):
        raise refusals.invalid(f"Invalid decimal: {_shown(given)}", param) from None
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -12:  # noqa: PLR2004 - Stripe's own bound
        raise refusals.invalid(f"Invalid decimal: {_shown(given)}; must contain at maximum 12 decimal places", param)
    return number


def currency(given: Any, param: str) -> str:  # noqa: ANN401 - any form
    """Take a currency, in any case; it is kept in lower case."""
    code = text(given, param).lower()
    if not _CURRENCY.fullmatch(code):
        raise refusals.invalid(f"Invalid currency: {code}", param)
    return code


def choice(*values: str) -> Check:
    """Take one of these texts."""

    def check(given: Any, param: str) -> str:  # noqa: ANN401 - any form
        if given == "":
            raise refusals.blank(param)
        if given not in values:
            *others, last = values
            among = f"{', '.join(others)}, or {last}" if len(others) > 1 else " or ".join(values)
            raise refusals.invalid(f"Invalid {param}: must be one of {among}", param)
        return str(given)

    return check


def clearable(check: Check) -> Check:
    """Take the empty text too, as None: the value is unset."""
    return lambda given, param: None if given == "" else check(given, param)


def either(word: str, check: Check) -> Check:
    """Take one word as it stands, and check anything else."""
    return lambda given, param: given if given == word else check(given, param)


def nested(fields: Fields) -> Check:
    """Take an object with these members."""

    def check(given: Any, param: str) -> Params:  # noqa: ANN401 - any form
        if not isinstance(given, dict):
            raise refusals.invalid("Invalid object", param)
        return checked(fields, given, within=param)

    return check


def many(check: Check, most: int | None = None) -> Check:
    """Take a list; `most` is how many it may hold."""

    def check_all(given: Any, param: str) -> list[Any]:  # noqa: ANN401 - any form
        if not isinstance(given, list):
            raise refusals.invalid("Invalid array", param)
        if most is not None and len(given) > most:
            raise refusals.invalid(f"You may only specify up to {most} values.", param)
        return [check(one, f"{param}[{place}]") for place, one in enumerate(given)]

    return check_all


def mapping(check: Check) -> Check:
    """Take an object whose members have any names, and all pass the same check."""

    def check_all(given: Any, param: str) -> Params:  # noqa: ANN401 - any form
        if not isinstance(given, dict):
            raise refusals.invalid("Invalid object", param)
        return {name: check(one, f"{param}[{name}]") for name, one in given.items()}

    return check_all


def metadata(given: Any, param: str) -> dict[str, str] | None:  # noqa: ANN401 - any form
    """Take metadata: an empty value unsets its key, and an empty text unsets them all (None)."""
    if given == "":
        return None
    if isinstance(given, list):  # keys that are numbers look like a list
        given = {str(place): one for place, one in enumerate(given)}
    if not isinstance(given, dict):
        raise refusals.invalid("Invalid object", param)
    for key, value in given.items():
        if not isinstance(value, str):
            raise refusals.invalid(f"Invalid string: {_shown(value)}", f"{param}[{key}]")
        if len(key) > _LONGEST_KEY:
            raise refusals.invalid(f"Metadata keys may have up to {_LONGEST_KEY} characters.", f"{param}[{key}]")
        if len(value) > _LONGEST_VALUE:
            raise refusals.invalid(f"Metadata values may have up to {_LONGEST_VALUE} characters.", f"{param}[{key}]")
    return given


def merged(before: Mapping[str, str], given: Mapping[str, str] | None) -> dict[str, str]:
    """Return metadata after a request: what is given replaces, what is empty goes, None empties it.

    Raises:
        Refused: There are more keys than Stripe keeps.
    """
    after = {} if given is None else {key: value for key, value in {**before, **given}.items() if value}
    if len(after) > _MOST_KEYS:
        raise refusals.invalid(f"Metadata may have up to {_MOST_KEYS} keys.", "metadata")
    return after


def _shown(given: object) -> str:
    return given if isinstance(given, str) else "an object" if isinstance(given, dict) else "an array"
