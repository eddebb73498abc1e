"""The rules of the machine: what may happen next, drawn so that every answer of the ledger comes up.

Each rule only draws a command. What must come of it tells the oracle, and `LedgerWatch.ask` holds the ledger to that.
"""
