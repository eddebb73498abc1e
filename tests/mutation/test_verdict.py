"""The verdict on a run of mutmut."""

import runpy
from pathlib import Path

import pytest

# Nobody imports it but by its path.
VERDICT = runpy.run_path(str(Path(__file__).with_name("verdict.py")))
Mutant, judge, reasons = (VERDICT[name] for name in ("Mutant", "judge", "reasons"))

SPEND = "ledger.x__spend__mutmut_"
SHOWN = """# ledger.x__spend__mutmut_1: survived
--- src/ledger.py
+++ src/ledger.py
@@ -1,3 +1,3 @@
 def _spend(amount):
-    if amount > 1:
+    if amount >= 1:
         return amount
"""
SURVIVOR = Mutant("ledger._spend", "if amount > 1:", "if amount >= 1:")


def show(_name):
    return SHOWN


def run(**counts):
    names = [status for status, count in counts.items() for _ in range(count)]
    return {f"{SPEND}{number}": status.replace("_", " ") for number, status in enumerate(names)}


def test_a_survivor_is_known_by_its_function_and_the_lines_that_it_changed():
    assert Mutant.of(f"{SPEND}1", SHOWN) == SURVIVOR


def test_where_a_survivor_stands_makes_no_difference():
    moved = SHOWN.replace("@@ -1,3 +1,3 @@", "@@ -7,5 +7,5 @@").replace("     ", "         ")

    assert Mutant.of(f"{SPEND}9", moved) == SURVIVOR


def test_a_line_that_is_only_taken_away_leaves_nothing():
    shown = "# m.x_f__mutmut_1: survived\n--- m.py\n+++ m.py\n@@ -1,4 +1,2 @@\n match it:\n-    case 1:\n-        pass\n"

    assert Mutant.of("m.x_f__mutmut_1", shown) == Mutant("m.f", "case 1:\npass", "")


def test_a_method_is_named_with_its_class():
    assert Mutant.of("m.xǁNeedsǁof__mutmut_3", SHOWN).function == "m.Needs.of"


def test_nineteen_of_twenty_killed_are_enough():
    assert judge(run(killed=19, survived=1), show, [SURVIVOR]).passed


def test_fewer_are_not_enough_whatever_the_reasons():
    assert not judge(run(killed=18, survived=1), show, [SURVIVOR]).passed


def test_a_survivor_that_is_not_listed_fails():
    verdict = judge(run(killed=99, survived=1), show, [])

    assert not verdict.passed
    assert verdict.unlisted == (SURVIVOR,)


@pytest.mark.parametrize("status", ["no_tests", "suspicious"])
def test_a_mutant_that_no_test_decides_has_survived(status):
    assert judge(run(killed=99, **{status: 1}), show, []).unlisted == (SURVIVOR,)


@pytest.mark.parametrize("status", ["timeout", "segfault"])
def test_a_mutant_that_does_not_come_back_is_killed(status):
    assert judge(run(**{status: 1}), show, []).passed


def test_a_listed_survivor_that_is_killed_now_is_told():
    verdict = judge(run(killed=20), show, [SURVIVOR])

    assert verdict.passed
    assert verdict.outdated == (SURVIVOR,)


def test_a_listed_survivor_in_a_function_that_was_not_tried_may_still_survive():
    verdict = judge({**run(not_checked=1), "ledger.x_grant__mutmut_1": "killed"}, show, [SURVIVOR])

    assert not verdict.outdated
    assert (verdict.tried, verdict.untried) == (1, 1)


def test_a_run_that_tried_nothing_fails():
    assert not judge(run(not_checked=20), show, []).passed


def test_what_is_written_of_a_survivor_goes_into_the_list():
    written = str(judge(run(survived=1), show, []).unlisted[0])

    assert reasons(written.replace('reason = ""', 'reason = "It makes no difference."')) == (SURVIVOR,)


def test_a_survivor_needs_a_reason():
    with pytest.raises(ValueError, match="needs a reason"):
        reasons(str(SURVIVOR))
