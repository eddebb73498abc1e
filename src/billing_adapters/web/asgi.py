"""The ASGI shell: the endpoint as an application of its own, or mounted into one. Source: https://asgi.readthedocs.io/."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

from attrs import frozen

from billing_adapters.web.endpoint import NOT_FOUND, Answer, WebhookEndpoint

__all__ = ["AsgiWebhooks"]

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


@frozen
class AsgiWebhooks:
    """An ASGI application. `path` None takes every path, for a framework that has routed the request already."""

    endpoint: WebhookEndpoint
    path: str | None = None

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one connection; what is neither HTTP nor the life of a server is none of ours."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await self._exchange(scope, receive, send)

    async def _exchange(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if self.path not in {None, scope["path"]}:
            await _send(send, NOT_FOUND)
            return
        body = await _read(receive, self.endpoint.max_body)
        if body is not None:
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            # In a thread of its own, which goes on to its end whatever becomes of the connection.
            await _send(send, await asyncio.to_thread(self.endpoint, scope["method"], headers, body))


async def _live(receive: Receive, send: Send) -> None:
    while True:
        phase = (await receive())["type"]
        await send({"type": f"{phase}.complete"})
        if phase == "lifespan.shutdown":
            return


async def _read(receive: Receive, most: int) -> bytes | None:
    """Read the body, or a little more than `most` bytes of it; None if the client went away."""
    body = bytearray()
    while len(body) <= most:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return bytes(body)


async def _send(send: Send, answer: Answer) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
