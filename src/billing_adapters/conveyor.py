"""Conveyor: callers that ask for the same account at the same time share one write.

Who comes first goes at once, alone. Who comes while a write is on its way waits, and the first of those takes all of them
along. So a batch grows only under load, nobody waits for a timer, and no thread is started.
"""

from collections.abc import Callable, Hashable, Sequence
from threading import Event, Lock
from typing import Any

from billing_core.errors import StoreUnavailable
from billing_core.ports import A, Q

__all__ = ["Conveyor"]

_MOST = 200  # enough to pay for a flush, few enough that the first of them does not wait for long
_AWAKE = Event()
_AWAKE.set()


class Conveyor:
    """Folds what is asked in one lane into as few turns as the load allows; serves any number of threads."""

    def __init__(self, most: int = _MOST) -> None:
        """Take at most so many along in one turn."""
        self._most = most
        self._lock = Lock()
        self._lanes: dict[Hashable, list[_Waiting]] = {}

    def fold(self, lane: Hashable, one: Q, together: Callable[[Sequence[Q]], Sequence[A]]) -> A:
        """Return what `together` answers to `one`, asked alone or with what others ask in the same lane meanwhile.

        Raises:
            StoreUnavailable: Whoever asked for several was interrupted before it had the answers.
        """
        own = _Waiting(one)
        with self._lock:
            queue = self._lanes.get(lane)
            if queue is None:
                self._lanes[lane] = []
                own.company = [own]
            else:
                own.woken = Event()
                queue.append(own)
        if not own.company:
            try:
                own.woken.wait()
            except BaseException:  # a signal, the time limit of a worker
                self._leave(lane, own)
                raise
        if own.company:
            self._take_turn(lane, own.company, together)
        if own.failure is not None:
            raise own.failure
        answer: A = own.answer
        return answer

    def _take_turn(
        self, lane: Hashable, company: "Sequence[_Waiting]", together: Callable[[Sequence[Any]], Sequence[Any]]
    ) -> None:
        """Ask for all of the company, and let the next one in the lane go on."""
        try:
            answers = together([waiting.one for waiting in company])
            for waiting, answer in zip(company, answers, strict=True):
                waiting.answer = answer
        except BaseException as failure:  # noqa: BLE001 - whatever it is, each of them gets it
            for waiting in company:
                waiting.failure = failure
            if not isinstance(failure, Exception):  # a signal, the time limit of a worker: nobody else's
                for waiting in company[1:]:
                    waiting.failure = StoreUnavailable("whoever asked for several was interrupted")
        finally:
            self._go_on(lane)
            for waiting in company[1:]:
                waiting.woken.set()

    def _leave(self, lane: Hashable, own: "_Waiting") -> None:
        """Let somebody go who gave up waiting; if it was to ask for others, they go on without it."""
        with self._lock:
            queue = self._lanes.get(lane, [])
            if own in queue:
                queue.remove(own)
            if not own.company:
                return
            self._lanes[lane] = [*own.company[1:], *queue]
        self._go_on(lane)

    def _go_on(self, lane: Hashable) -> None:
        with self._lock:
            queue = self._lanes[lane]
            if not queue:
                del self._lanes[lane]
                return
            company, self._lanes[lane] = queue[: self._most], queue[self._most :]
            company[0].company = company
        company[0].woken.set()


class _Waiting:
    """One caller: what it asks, and what became of that. Whoever has `company` asks for all of it."""

    __slots__ = ("answer", "company", "failure", "one", "woken")

    def __init__(self, one: object) -> None:
        self.one = one
        self.woken = _AWAKE  # until it has to wait
        self.company: Sequence[_Waiting] = ()
        self.answer: Any = None
        self.failure: BaseException | None = None
