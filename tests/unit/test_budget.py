"""The budget of the checks: it is exceeded by our work and by our waiting, not by what others do."""

import os
import subprocess
import sys

import pytest
from budget import CORES, SECONDS, SERVERS, Used, between, needed, pace, together, told, used

WORK = "import time\nwhile time.process_time() < 0.3: pass"


@pytest.mark.parametrize(
    ("total", "cores", "expected"),
    [
        (Used(300, 400, 400 + SERVERS), 2, 300),
        (Used(600, 400, 400 + SERVERS), 2, 600),
        (Used(600, 400, 1000 + SERVERS), 2, 300),
        (Used(600, 400, 1000 + SERVERS), 4, 450),
        (Used(600, 400, 0), 2, 600),
        (Used(100, 2 * SECONDS, 2 * SECONDS), 64, SECONDS + SERVERS / CORES),
    ],
    ids=["ours", "our own waiting", "others on two cores", "others on four", "nobody tells", "more work than two cores do"],
)
def test_what_two_idle_cores_need(total, cores, expected):
    assert needed(total, cores) == expected


@pytest.mark.parametrize(("paces", "expected"), [([1.0, 2.0, 9.0], 300), ([0.5], 600), ([], 600)])
def test_a_slow_machine_is_forgiven_what_it_takes_longer(paces, expected):
    assert needed(Used(600, 400, 0), 2, paces) == expected


def test_the_pace_is_measured():
    assert 0.1 < pace() < 100


def test_the_work_of_commands_is_ours_and_their_sleep_is_not():
    before = used()
    subprocess.run([sys.executable, "-c", WORK], check=True)  # noqa: S603 - our own program
    worked = between(before, used())

    before = used()
    subprocess.run([sys.executable, "-S", "-c", "import time; time.sleep(0.5)"], check=True)
    slept = between(before, used())

    assert min(worked.clock, worked.ours) > 0.25  # the system counts in hundredths, and rounds down twice
    assert slept.clock >= 0.5 > slept.ours


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="the system has no such file")
def test_idle_cores_are_nobodys_and_those_that_wait_for_a_disk_are_not_ours(tmp_path):
    tick = os.sysconf("SC_CLK_TCK")
    (tmp_path / "stat").write_text(
        f"cpu  {tick} {2 * tick} {3 * tick} {1000 * tick} {1000 * tick} {4 * tick} {5 * tick} {6 * tick} {tick} 0\ncpu0 1\n"
    )

    assert used(tmp_path / "stat").anybodys == 1021


def test_what_is_not_told_is_zero(tmp_path):
    assert used(tmp_path / "missing").anybodys == 0


def test_sessions_are_added_up_and_the_longest_are_named():
    sessions = {f"s{n}": Used(n, 2 * n, 3 * n) for n in range(1, 8)}

    sentence = told(sessions, 2)

    assert together(sessions.values()) == (28, 56, 84)
    assert sentence.startswith(f"43 of {SECONDS} seconds")
    assert sentence.endswith("Longest: s7 7, s6 6, s5 5, s4 4, s3 3")
