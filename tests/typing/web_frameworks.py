"""The web edge as the author of a web application writes it: the type checkers read this, nobody runs it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import assert_type
from wsgiref.types import StartResponse, WSGIEnvironment

from billing_adapters.web.asgi import AsgiWebhooks
from billing_adapters.web.endpoint import Answer, WebhookEndpoint
from billing_adapters.web.wsgi import WsgiWebhooks
from billing_core import Billing


def by_hand(billing: Billing, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
    answer = WebhookEndpoint(billing, max_body=100_000)("POST", headers, body)
    assert_type(answer, Answer)
    assert_type(answer.status, HTTPStatus)
    assert_type(answer.headers, tuple[tuple[str, str], ...])
    return answer.status, answer.body


def asgi_application(billing: Billing) -> AsgiWebhooks:
    return AsgiWebhooks(WebhookEndpoint(billing), path="/webhooks")


def wsgi_application(billing: Billing, environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    return [*WsgiWebhooks(WebhookEndpoint(billing))(environ, start_response)]


def no_endpoint_without_billing() -> None:
    WebhookEndpoint()  # type: ignore[call-arg]
    WebhookEndpoint("billing")  # type: ignore[arg-type]
