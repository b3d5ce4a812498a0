"""Loss and gradient on the CPU, as a user calls them, allocation included.

Contenders take turns, so that a change of the machine's speed hits all alike; a ratio is the median of the pairs. A
small step is repeated until a turn lasts a millisecond.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from statistics import median

import numpy as np

import lossmith as lm

from .work import Step, Work, contenders, works

TURN_SECONDS = 1e-3
WORK_SECONDS = 20.0  # per loss, size and pass, shared by all contenders, unless told otherwise
LEAST, MOST = 5, 31  # turns


def bandwidth(threads: int) -> float:
    """Return the bytes per second, read and written, of copying large arrays that are in memory already."""
    source = np.ones((threads, 1 << 24), np.float32)
    target = np.ones_like(source)

    def copy(k: int) -> None:
        np.copyto(target[k], source[k])

    best = np.inf
    for _ in range(9):
        workers = [threading.Thread(target=copy, args=(k,)) for k in range(1, threads)]
        start = time.perf_counter()
        for worker in workers:
            worker.start()
        copy(0)
        for worker in workers:
            worker.join()
        best = min(best, time.perf_counter() - start)
    return 2 * source.nbytes / best


def turns(steps: dict[str, Step], seconds: float) -> dict[str, list[float]]:
    """Return the seconds per step of each contender, turn by turn."""
    inner, once = {}, 0.0
    for name, step in steps.items():
        step()  # compiles
        step()
        start = time.perf_counter()
        step()
        taken = time.perf_counter() - start
        inner[name] = max(1, int(TURN_SECONDS / max(taken, 1e-7)))
        once += taken * inner[name]
    count = int(min(max(seconds / once, LEAST), MOST))
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(count):
        for name, step in steps.items():
            start = time.perf_counter()
            for _ in range(inner[name]):
                step()
            times[name].append((time.perf_counter() - start) / inner[name])
    return times


def measure(
    quick: bool, say: Callable[[str], None], seconds: float = WORK_SECONDS, only: str = ""
) -> Iterator[dict[str, object]]:
    """Yield one row per loss (those whose name begins with ``only``), size, dtype, pass and contender."""
    threads = lm.native._core.pool_threads() if lm.has_native() else 1
    speed = bandwidth(threads)
    say(f"copying on {threads} threads: {speed / 1e9:.1f} GB/s, read and written")
    for work in works(quick):
        if work.name.startswith(only):
            yield from _measure(work, speed, seconds, compilers=not quick)


def _measure(work: Work, speed: float, seconds: float, compilers: bool) -> Iterator[dict[str, object]]:
    found = contenders(work, compilers)
    for k, direction in enumerate(("forward", "forward+backward")):
        floor = work.bytes_moved[k] / speed
        times = turns({name: steps[k] for name, steps in found.items()}, seconds)
        ours = times["lossmith torch" if "lossmith torch" in times else "lossmith numpy"]
        for name, taken in times.items():
            yield {
                "work": f"{work.name}, {work.target}" if work.target != "like" else work.name,
                "shape": "x".join(map(str, work.shape)),
                "dtype": work.dtype,
                "pass": direction,
                "contender": name,
                "median_ms": round(1e3 * median(taken), 4),
                "times_ours": round(median(t / o for t, o in zip(taken, ours, strict=True)), 2),
                "times_floor": round(median(taken) / floor, 2),
            }
