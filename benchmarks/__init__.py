"""Benchmarks: how fast the ledger is, measured against what its database can do at most. `nox -s bench` runs them."""
