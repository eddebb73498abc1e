"""The domain: pure values and rules. No clock, no I/O, no provider."""
