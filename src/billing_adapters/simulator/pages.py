"""Pages: what a person sees of Stripe, at the addresses that objects name. Functions of a request, without a socket."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias
from urllib.parse import parse_qsl

from billing_adapters.simulator import checkout_page, html, portal_page
from billing_adapters.simulator.exchange import Answer, Call
from billing_adapters.simulator.world import Caller, World

__all__ = ["is_page", "page"]

Show: TypeAlias = Callable[[World, str, str, Mapping[str, str]], Answer]

_PAGES: Mapping[str, Show] = MappingProxyType({
    "/c/pay/": checkout_page.answer,
    "/p/session/": portal_page.answer,
})


def is_page(path: str) -> bool:
    """Say whether an address is that of a page."""
    return any(path.startswith(prefix) for prefix in _PAGES)


def page(world: World, call: Call) -> Answer:
    """Answer whoever looks at a page, or sends a form from there."""
    for prefix, show in _PAGES.items():
        if call.path.startswith(prefix):
            named = call.path.removeprefix(prefix)
            form = dict(parse_qsl(call.body.decode(errors="replace"), keep_blank_values=True))
            with world.called_by(Caller("_live_" in named)):
                return show(world, named, call.method, form)
    return html.shown("Nothing here", [html.paragraph("There is no such page.")], 404)
