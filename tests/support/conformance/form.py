"""Forms, as Stripe's requests carry them: `items[0][quantity]=2`."""

import re
from urllib.parse import parse_qsl

_PART = re.compile(r"[^\[\]]+|(?<=\[)(?=\])")


def tree(form):
    """Return the texts in a form as a tree, where a list is a mapping from its places."""
    root = {}
    for key, value in parse_qsl(form, keep_blank_values=True):
        parts = _PART.findall(key) or [key]
        node = root
        for part, inner in zip(parts, [*parts[1:], None], strict=True):
            place = part or _next_place(node, inner)
            if inner is None:
                node[place] = value
            else:
                node[place] = node = node[place] if isinstance(node.get(place), dict) else {}
    return root


def _next_place(node, inner):
    """Return where in a list `[]` leads: to its last item, if that is a mapping without what comes, or beyond."""
    last = str(len(node) - 1)
    return last if inner and isinstance(node.get(last), dict) and inner not in node[last] else str(len(node))
