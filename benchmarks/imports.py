"""Imports: what `import billing_core` costs, measured in fresh interpreters."""

import subprocess
import sys
from statistics import median

from benchmarks.rounds import Row

__all__ = ["imports"]

_INTERPRETERS = 7
_MOST = 60  # milliseconds
_TIMED = "import time; begun = time.perf_counter(); import {}; print(time.perf_counter() - begun)"


def imports() -> Row:
    """Compare it with `import attrs`, which is in it."""
    pairs = [(_milliseconds("attrs"), _milliseconds("billing_core")) for _ in range(_INTERPRETERS)]
    attrs, ours = (median(side) for side in zip(*pairs, strict=True))
    more = ours - attrs
    return Row(
        "import billing_core, more than attrs",
        f"{attrs:.0f} ms",
        f"{ours:.0f} ms",
        f"{more:.0f} ms",
        f"<= {_MOST} ms",
        more <= _MOST,
    )


def _milliseconds(module: str) -> float:
    said = subprocess.run([sys.executable, "-c", _TIMED.format(module)], check=True, capture_output=True, text=True).stdout
    return float(said) * 1000
