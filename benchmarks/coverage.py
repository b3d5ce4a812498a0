"""How often 95 % intervals of streamed evaluation hold the truth: ``python -m benchmarks.coverage [--samples N]``.

Samples of a known population are evaluated one after another; the truth is the metric of four million other rows. The
goal is 93 to 97 %, of which ± 1.4 is the chance of 1,000 samples.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np

import lossmith as lm

SIZES = (200, 2_000, 20_000)
TRUTH_ROWS = 4_000_000
Rows = tuple[np.ndarray, np.ndarray]


def binary(rng: np.random.Generator, rows: int) -> Rows:
    """Over-confident probabilities of a class that 30 % of the rows have."""
    logit = rng.standard_normal(rows) * 1.5 - 1.2
    target = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.int64)
    return 1 / (1 + np.exp(-1.4 * logit - 0.2 * rng.standard_normal(rows))), target


def multiclass(rng: np.random.Generator, rows: int) -> Rows:
    """Logits of four classes, one of them rare."""
    logits = rng.standard_normal((rows, 4)) * 1.5 + [0.8, 0.3, 0.0, -1.2]
    return logits * 1.3, (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)


def regression(rng: np.random.Generator, rows: int) -> Rows:
    """Predictions with an error whose spread grows."""
    target = rng.gamma(4.0, 2.0, rows)
    return target + rng.standard_normal(rows) * (0.3 + 0.1 * target) + 0.1, target


TASKS: dict[str, tuple[Callable[[np.random.Generator, int], Rows], dict[str, Any]]] = {
    "binary": (binary, {"task": "binary", "form": "probabilities"}),
    "multiclass": (multiclass, {"task": "multiclass", "form": "logits"}),
    "regression": (regression, {"task": "regression"}),
}


def ends(result: lm.Evaluation) -> dict[str, tuple[float, float, float]]:
    """Return value, low and high of all that has an interval."""
    found = {**result.losses, **result.metrics}
    return {
        name: (x.value, x.low, x.high)
        for name, x in found.items()
        if x.value is not None and x.low is not None and x.high is not None
    }


def covered(task: str, size: int, samples: int, seed: int = 0) -> dict[str, float]:
    """Return the share of samples whose interval holds the truth, by metric."""
    make, options = TASKS[task]
    truth = ends(lm.evaluate(*make(np.random.default_rng(2**31 + seed), TRUTH_ROWS), stream=True, **options))
    hits: dict[str, list[bool]] = defaultdict(list)
    for sample in range(samples):
        rng = np.random.default_rng([seed, size, sample])
        for name, (_, low, high) in ends(lm.evaluate(*make(rng, size), stream=True, **options)).items():
            if name in truth:
                hits[name].append(low <= truth[name][0] <= high)
    return {name: sum(found) / len(found) for name, found in hits.items()}


def main() -> None:
    """Print a line per task and size."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--size", type=int, choices=SIZES, help="this one alone")
    parser.add_argument("--task", choices=TASKS, help="this one alone")
    arguments = parser.parse_args()
    for task in TASKS:
        for size in SIZES:
            if arguments.task in (None, task) and arguments.size in (None, size):
                shares = covered(task, size, arguments.samples)
                print(f"{task} {size}: " + ", ".join(f"{n} {100 * s:.1f} %" for n, s in shares.items()), flush=True)


if __name__ == "__main__":
    main()
