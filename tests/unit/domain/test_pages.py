"""Pages: a piece of a long list, and how to go on."""

import pytest
from attrs.exceptions import FrozenInstanceError

from billing_core.domain.pages import EventPage, Page, Unreadable


def test_an_empty_page_is_the_last_one():
    page = Page()

    assert (page.values, page.unreadable, page.next) == ((), (), None)


def test_a_page_tells_what_it_could_not_read():
    page = Page(values=(1, 2), unreadable=(Unreadable("prod_3", "has no name"),), next="prod_3")

    assert [(one.id, one.reason) for one in page.unreadable] == [("prod_3", "has no name")]
    with pytest.raises(FrozenInstanceError):
        page.next = None


def test_an_empty_page_of_events_has_nothing_to_follow():
    page = EventPage()

    assert (page.bodies, page.last, page.more) == ((), None, False)
