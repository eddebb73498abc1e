"""Running: a story on a database of its own, every delivery through a real HTTP server on this machine."""

import http.client
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from attrs import frozen

from billing_adapters import wiring
from billing_adapters.cli.demo.network import Network
from billing_adapters.cli.demo.play import Answered, Stage, play
from billing_adapters.cli.demo.provider import Provider
from billing_adapters.cli.demo.show import Show
from billing_adapters.cli.demo.steps import Chapter
from billing_adapters.cli.demo.story import OPENING, OWNER
from billing_adapters.cli.serving import in_background, listening
from billing_adapters.web.asgi import AsgiWebhooks
from billing_adapters.web.endpoint import WebhookEndpoint

__all__ = ["run"]

_PATH = "/webhooks"


def run(chapters: Sequence[Chapter], database: Path, show: Show, network: Network, *, pause_seconds: float = 0) -> bool:
    """Play a story on a new SQLite file, show it, and tell whether every figure and every answer was right."""
    right = True
    with _stage(database, network) as stage, show.telling(chapters):
        for chapter in chapters:
            show.open(chapter)
            for happening in play(stage, chapter.steps):
                show.happening(happening)
                right = right and happening.right
                if isinstance(happening, Answered):
                    time.sleep(pause_seconds)
    return right


@contextmanager
def _stage(database: Path, network: Network) -> Iterator[Stage]:
    provider = Provider.opened(OPENING)
    settings = wiring.Settings(f"sqlite:///{database}", provider.secrets)
    with (
        closing(provider.gateway()) as gateway,
        wiring.open_billing(settings, clock=provider, gateway=gateway, migrate=True) as billing,
        in_background(AsgiWebhooks(WebhookEndpoint(billing), path=_PATH), listening("127.0.0.1", 0)) as address,
        closing(_HttpDoor.to(address)) as door,
    ):
        yield Stage(billing, provider, network, door, OWNER)


@frozen
class _HttpDoor:
    """Delivers over HTTP."""

    connection: http.client.HTTPConnection

    @classmethod
    def to(cls, address: str) -> "_HttpDoor":
        return cls(http.client.HTTPConnection(urlsplit(address).netloc, timeout=30))

    def __call__(self, content: bytes, headers: Mapping[str, str]) -> str:
        self.connection.request("POST", _PATH, content, dict(headers))
        response = self.connection.getresponse()
        content = response.read()
        if response.headers.get_content_type() != "application/json":
            return f"HTTP {response.status}"
        answer = json.loads(content)
        word: str = answer.get("outcome") or answer["error"]
        return word

    def close(self) -> None:
        self.connection.close()
