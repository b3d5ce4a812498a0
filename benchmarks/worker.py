"""A contender in a process of its own: the pools of threads of two frameworks in one process slow each other down.

The parent asks for ("work", Work), is told whether there is such a loss, then for ("value",), ("warm", pass) and
("turn", pass, n).
An exception travels back as the answer.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from .contenders import CONTENDERS, Steps
from .work import Work

PAUSE_SECONDS = 5e-3
REST_SECONDS = 0.2


class Worker:
    """The parent's side of a contender's process."""

    def __init__(self, name: str) -> None:
        self.name = name
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(name, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def prepare(self, work: Work) -> bool:
        """Make the steps of a work; return whether the contender has such a loss."""
        return self._ask("work", work)

    def value(self) -> float:
        """Return the loss, of a step that has a backward pass, too."""
        return self._ask("value")

    def warm(self, direction: int) -> float:
        """Compile, and return the seconds that one step takes."""
        return self._ask("warm", direction)

    def turn(self, direction: int, repeats: int) -> float:
        """Return the seconds per step of ``repeats`` steps."""
        return self._ask("turn", direction, repeats)

    def rest(self) -> None:
        """Wait until the threads of the process sleep: OpenBLAS' spin for 25 ms after a product of matrices."""
        end = time.perf_counter() + REST_SECONDS
        before = self._used()
        while time.perf_counter() < end:
            time.sleep(PAUSE_SECONDS)
            before, used = self._used(), self._used() - before
            if used < PAUSE_SECONDS / 20:
                return

    def _used(self) -> float:
        """Return the seconds that all threads of the process have computed for, where the system tells."""
        if sys.platform != "linux" or self._process.pid is None:
            return 0.0
        return time.clock_gettime((~self._process.pid << 3) | 2)

    def stop(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.join(10)
        self._process.kill()

    def _ask(self, *question: Any) -> Any:
        self._connection.send(question)
        answer = self._connection.recv()
        if isinstance(answer, Exception):
            raise RuntimeError(f"{self.name}: {answer}") from answer
        return answer


@contextmanager
def workers(slow: bool) -> Iterator[list[Worker]]:
    """Every contender that is installed; ``slow`` adds those that compile for seconds."""
    started = [Worker(name) for name, one in CONTENDERS.items() if one.available and (slow or not one.slow)]
    try:
        yield started
    finally:
        for worker in started:
            worker.stop()


def _serve(name: str, connection: Connection) -> None:
    steps: Steps | None = None
    while True:
        try:
            question, *given = connection.recv()
        except EOFError:
            return
        try:
            if question == "work":
                steps = None  # frees the last one's memory first
                steps = CONTENDERS[name].make(*given)
                connection.send(steps is not None)
            elif question == "value":
                assert steps is not None
                found: Any = steps[1]()
                found = found[0] if isinstance(found, tuple) else found
                connection.send(float(found.detach() if hasattr(found, "detach") else found))
            else:
                assert steps is not None
                step = steps[given[0]]
                if question == "warm":
                    step()
                    step()
                repeats = given[1] if question == "turn" else 1
                start = time.perf_counter()
                for _ in range(repeats):
                    step()
                connection.send((time.perf_counter() - start) / repeats)
        except Exception as error:
            connection.send(RuntimeError(f"{type(error).__name__}: {error}"))
