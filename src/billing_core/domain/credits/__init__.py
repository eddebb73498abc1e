"""Credits: what an account was granted, what it spent, and what it may still spend.

An account is a small set of *books* that always sum to zero. A *lot* is one grant with its own terms; a *movement* carries
an amount from one book to another on one lot; an *entry* is what one operation did: numbered without gaps, never changed.
`decide` turns a command into entries, `evolve` applies an entry. Everything else, the stores, a preview, a replay, is those
two functions again.
"""

from billing_core.domain.credits.balances import (
    Balance,
    balance_at,
    holds_at,
)
from billing_core.domain.credits.commands import (
    AnyCommand,
    Capture,
    Command,
    Convert,
    Expire,
    Grant,
    KeyedCommand,
    Needs,
    PlaceHold,
    Release,
    Spend,
    fingerprint,
)
from billing_core.domain.credits.decisions import (
    change,
    decide,
    effected,
    evolve,
    fold,
    settle,
)
from billing_core.domain.credits.explanations import (
    Explained,
    Explanation,
    explain,
)
from billing_core.domain.credits.values import (
    FLOWS,
    MAX_AMOUNT,
    PRIORITIES,
    Account,
    AccountId,
    Book,
    Books,
    Change,
    Entry,
    Hold,
    Lot,
    LotKind,
    Movement,
    Operation,
    Slice,
    burn_order,
)

__all__ = [
    "FLOWS",
    "MAX_AMOUNT",
    "PRIORITIES",
    "Account",
    "AccountId",
    "AnyCommand",
    "Balance",
    "Book",
    "Books",
    "Capture",
    "Change",
    "Command",
    "Convert",
    "Entry",
    "Expire",
    "Explained",
    "Explanation",
    "Grant",
    "Hold",
    "KeyedCommand",
    "Lot",
    "LotKind",
    "Movement",
    "Needs",
    "Operation",
    "PlaceHold",
    "Release",
    "Slice",
    "Spend",
    "balance_at",
    "burn_order",
    "change",
    "decide",
    "effected",
    "evolve",
    "explain",
    "fingerprint",
    "fold",
    "holds_at",
    "settle",
]
