"""Credits: what an account was granted, what it spent, and what it may still spend.

An account is a small set of *books* that always sum to zero. A *lot* is one grant with its own terms; a *movement* carries
an amount from one book to another on one lot; an *entry* is what one operation did: numbered without gaps, never changed.
`decide` turns a command into entries, `evolve` applies an entry. Everything else, the stores, a preview, a replay, is those
two functions again.
"""

from billing_core.domain.credits.balances import (
    Balance,
    Expiring,
    balance_at,
    holds_at,
)
from billing_core.domain.credits.batches import Result, decide_all, needs_of
from billing_core.domain.credits.commands import (
    Adjust,
    AnyCommand,
    Capture,
    Command,
    Convert,
    Expire,
    Forfeit,
    Grant,
    KeyedCommand,
    Needs,
    PlaceHold,
    Receive,
    Refund,
    Release,
    Restore,
    Revoke,
    Shortfall,
    Spend,
    Transfer,
    fingerprint,
)
from billing_core.domain.credits.decisions import (
    decide,
    effected,
    settle,
)
from billing_core.domain.credits.evolution import (
    change,
    evolve,
    fold,
)
from billing_core.domain.credits.explanations import (
    Explained,
    Explanation,
    explain,
)
from billing_core.domain.credits.grants import receipts
from billing_core.domain.credits.replays import Audit, Finding, audit, balance_as_of
from billing_core.domain.credits.units import Unit
from billing_core.domain.credits.values import (
    FLOWS,
    MAX_AMOUNT,
    NEGATIVE,
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
    "NEGATIVE",
    "PRIORITIES",
    "Account",
    "AccountId",
    "Adjust",
    "AnyCommand",
    "Audit",
    "Balance",
    "Book",
    "Books",
    "Capture",
    "Change",
    "Command",
    "Convert",
    "Entry",
    "Expire",
    "Expiring",
    "Explained",
    "Explanation",
    "Finding",
    "Forfeit",
    "Grant",
    "Hold",
    "KeyedCommand",
    "Lot",
    "LotKind",
    "Movement",
    "Needs",
    "Operation",
    "PlaceHold",
    "Receive",
    "Refund",
    "Release",
    "Restore",
    "Result",
    "Revoke",
    "Shortfall",
    "Slice",
    "Spend",
    "Transfer",
    "Unit",
    "audit",
    "balance_as_of",
    "balance_at",
    "burn_order",
    "change",
    "decide",
    "decide_all",
    "effected",
    "evolve",
    "explain",
    "fingerprint",
    "fold",
    "holds_at",
    "needs_of",
    "receipts",
    "settle",
]
