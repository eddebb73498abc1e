"""What a sync is compared with reads the same objects, and a long catalog takes no more memory than a short one."""

import tracemalloc

import pytest

from benchmarks.selling import calls, shop, syncs


@pytest.fixture(scope="module")
def small():
    with shop(110) as opened:
        yield opened


def peak(work):
    tracemalloc.start()
    try:
        work(0)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_both_read_the_whole_catalog(small, monkeypatch):
    with syncs(small) as rates:
        monkeypatch.setattr("time.perf_counter", iter(range(100)).__next__)  # each takes a second
        assert [rate(1) for rate in rates] == [220, 220]


def test_both_ask_for_the_same_customer(small):
    assert all(rate(0.01) > 0 for rate in calls(small))


def test_four_times_as_many_products_take_no_more_memory():
    peaks = []
    for count in (300, 1_200):  # some full pages, and four times as many
        with shop(count) as opened, syncs(opened) as (_, ours):
            peaks.append(peak(ours))

    few, many = peaks
    assert many < 1.3 * few
