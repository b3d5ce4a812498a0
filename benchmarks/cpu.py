"""Loss and gradient on the CPU, as a user calls them, allocation included.

Every contender has a process of its own, and they take turns, so that a change of the machine's speed hits all alike; a
ratio is the median of the pairs. A small step is repeated until a turn lasts a millisecond.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

import numpy as np

import lossmith as lm

from .goals import goals_of
from .work import Work, works
from .worker import PAUSE_SECONDS, Worker, workers

TURN_SECONDS = 1e-3
SHORT_SECONDS = 0.1  # steps that are longer feel nothing of a thread that must wake up
WORK_SECONDS = 20.0  # per loss, size and pass, shared by all contenders, unless told otherwise
LEAST, MOST = 5, 31  # turns
PASSES = ("forward", "forward+backward")


def bandwidth(threads: int) -> float:
    """Return the bytes per second, read and written, of copying large arrays that are in memory already."""
    source = np.ones((threads, 1 << 24), np.float32)
    target = np.ones_like(source)
    return 2 * source.nbytes / _fastest(lambda k: np.copyto(target[k], source[k]), threads)


def exponentials(threads: int) -> float:
    """Return the float32 exponentials per second of vectorised code on all threads, on arrays that are in cache.

    The code is the native core's softmax without gradient, whose other work is small; NumPy's own exponential takes
    several times as long without AVX-512.
    """
    source = np.linspace(-8, 0, 1 << 18, dtype=np.float32).reshape(256, -1)
    labels, repeats, loss = np.zeros(256, np.int64), 32, lm.SoftmaxCrossEntropy()

    def compute(_: int) -> None:
        for _ in range(repeats):
            loss(source, labels)

    return repeats * source.size / _fastest(compute, 1) * (1 if lm.has_native() else threads)


def _fastest(task: Callable[[int], None], threads: int) -> float:
    """Return the least seconds of several runs of a task on all threads."""
    best = np.inf
    for _ in range(9):
        others = [threading.Thread(target=task, args=(k,)) for k in range(1, threads)]
        start = time.perf_counter()
        for other in others:
            other.start()
        task(0)
        for other in others:
            other.join()
        best = min(best, time.perf_counter() - start)
    return best


def turns(contenders: list[Worker], direction: int, seconds: float) -> dict[str, list[float]]:
    """Return the seconds per step of each contender, turn by turn."""
    repeats, once, short = {}, 0.0, set()
    for worker in contenders:
        taken = worker.warm(direction)
        repeats[worker.name] = max(1, int(TURN_SECONDS / max(taken, 1e-7)))
        once += taken * repeats[worker.name] + PAUSE_SECONDS
        if taken < SHORT_SECONDS:
            short.add(worker.name)
            once += taken
    count = int(min(max(seconds / once, LEAST), MOST))
    times: dict[str, list[float]] = {worker.name: [] for worker in contenders}
    for _ in range(count):
        for worker in contenders:
            if worker.name in short:
                worker.turn(direction, 1)  # wakes its threads and fills its caches
            times[worker.name].append(worker.turn(direction, repeats[worker.name]))
            worker.rest()
    return times


@dataclass(frozen=True)
class Choice:
    """What is measured; empty fields choose everything.

    Attributes:
        names: How the names of the losses begin.
        sizes: As the results file has them, such as 8x10.
        dtypes: Their names.
        with_goals: Only works that have a goal, and only forward and backward, which goals are about.
    """

    names: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()
    with_goals: bool = False

    def has(self, work: Work) -> bool:
        """Whether a work is chosen."""
        return (
            work.name.startswith(self.names or ("",))
            and work.size in (self.sizes or (work.size,))
            and work.dtype in (self.dtypes or (work.dtype,))
            and (not self.with_goals or bool(goals_of(work)))
        )


def measure(
    quick: bool, say: Callable[[str], None], seconds: float = WORK_SECONDS, choice: Choice | None = None
) -> Iterator[dict[str, object]]:
    """Yield one row per loss, size, dtype, pass and contender."""
    choice = choice or Choice()
    threads = lm.native._core.pool_threads() if lm.has_native() else 1
    speed, rate = bandwidth(threads), exponentials(threads)
    say(f"on {threads} threads: copying {speed / 1e9:.1f} GB/s, read and written; {rate / 1e9:.2f} G exponentials/s")
    with workers(slow=not quick) as all_contenders:
        for work in filter(choice.has, works(quick)):
            contenders = [worker for worker in all_contenders if worker.prepare(work)]
            _compare(work, contenders)
            for direction, (title, floor) in enumerate(zip(PASSES, work.floor(speed, rate), strict=True)):
                if title == PASSES[0] and choice.with_goals:
                    continue
                times = turns(contenders, direction, seconds)
                yield from _rows(work, title, times, floor)


def _compare(work: Work, contenders: list[Worker]) -> None:
    """See to it that all compute the same: a ratio of different losses says nothing."""
    values = {worker.name: worker.value() for worker in contenders}
    expected = next(iter(values.values()))
    for name, value in values.items():
        # XLA adds up in float32: of 64 million elements its mean is off by some thousandths.
        close = 1e-4 if work.dtype == "float32" and np.prod(work.shape) < 1e7 else 2e-2
        if not np.isclose(value, expected, rtol=close):
            raise RuntimeError(f"{work.title}, {work.size}: {name} computes {value}, expected {expected}")


def _rows(work: Work, direction: str, times: dict[str, list[float]], floor: float) -> Iterator[dict[str, object]]:
    ours = times["lossmith torch" if "lossmith torch" in times else "lossmith numpy"]
    for name, taken in times.items():
        yield {
            "work": work.title,
            "shape": work.size,
            "dtype": work.dtype,
            "pass": direction,
            "contender": name,
            "median_ms": round(1e3 * median(taken), 4),
            "times_ours": round(median(t / o for t, o in zip(taken, ours, strict=True)), 2),
            "times_floor": round(median(taken) / floor, 2),
        }
