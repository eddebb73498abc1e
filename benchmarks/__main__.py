"""Run the benchmarks and print the table: `python -m benchmarks [--quick] [--only NAME] [--entries COUNT]`.

A target that is missed is told and nothing else: this machine may be busy, or slow in its own ways.
"""

from argparse import ArgumentParser

from benchmarks.measurements import MEASUREMENTS
from benchmarks.rounds import Effort, heading

FULL = Effort(rounds=7, seconds=3, entries=5_000_000)
QUICK = Effort(rounds=3, seconds=1, entries=200_000)


def main() -> None:
    """Measure what is asked for."""
    parser = ArgumentParser(prog="benchmarks", description="Measure the ledger against what its database can do at most.")
    parser.add_argument("--quick", action="store_true", help="a look: fewer and shorter rounds, less history")
    parser.add_argument(
        "--only", action="append", choices=MEASUREMENTS, metavar="NAME", help=f"one of: {', '.join(MEASUREMENTS)}"
    )
    parser.add_argument("--entries", type=int, metavar="COUNT", help="how many entries a long history has")
    asked = parser.parse_args()

    effort = QUICK if asked.quick else FULL
    if asked.entries:
        effort = Effort(effort.rounds, effort.seconds, asked.entries)
    print(heading())
    for name in asked.only or MEASUREMENTS:
        for row in MEASUREMENTS[name](effort):
            print(row, flush=True)


if __name__ == "__main__":
    main()
