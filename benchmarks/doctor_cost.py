"""``python -m benchmarks.doctor_cost [--quick]``: how much slower a training is with the doctor beside it.

Trainings of two lengths, with and without the doctor in turn; what the longer one takes beyond the shorter one is the
cost of a step, and the rest what the doctor costs once. CPU seconds of the process, which other processes disturb less,
and seconds on the wall. Appends to ``doctor_cost.csv``; the goal is 3 %.
"""

from __future__ import annotations

import argparse
import csv
import gc
import importlib.metadata
import itertools
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import lossmith as lm

RESULTS = Path(__file__).with_name("doctor_cost.csv")
BATCH = 32
Run = Callable[[int, bool], None]  # steps, and whether the doctor watches


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Return scikit-learn's digits: (1797, 64) and (1797,)."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (x / 16).astype("float32"), y.astype("int64")


def of_torch(hidden: tuple[int, ...], batch: int) -> Run:
    """Return the training of a multilayer perceptron in a plain PyTorch loop, evaluated every 45 steps."""
    import torch

    from lossmith.torch import Doctor

    torch.set_num_threads(1)
    x, y = (torch.from_numpy(a) for a in digits())

    def run(steps: int, watch: bool) -> None:
        torch.manual_seed(0)
        sizes = (64, *hidden)
        layers = [m for a, b in itertools.pairwise(sizes) for m in (torch.nn.Linear(a, b), torch.nn.ReLU())]
        model = torch.nn.Sequential(*layers, torch.nn.Linear(sizes[-1], 10))
        loss, optimizer = torch.nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters())
        context: AbstractContextManager[Any] = nullcontext()
        if watch:
            context = Doctor(model, loss, optimizer, say=lambda text: None)
        with context:
            for step in range(steps):
                rows = torch.randint(0, len(x), (batch,))
                optimizer.zero_grad()
                loss(model(x[rows]), y[rows]).backward()
                optimizer.step()
                if step % 45 == 44:
                    model.eval()
                    with torch.no_grad():
                        loss(model(x[:batch]), y[:batch])
                    model.train()

    return run


def of_keras(hidden: tuple[int, ...], batch: int) -> Run:
    """Return the training of the same model by ``fit`` on TensorFlow, traced once, in epochs of 45 steps."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras

    from lossmith.keras import Doctor

    x, y = digits()
    x, y = np.resize(x, (45 * batch, 64)), np.resize(y, 45 * batch)
    layers = [keras.layers.Dense(n, activation="relu") for n in hidden]
    model = keras.Sequential([keras.layers.Input((64,)), *layers, keras.layers.Dense(10)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, batch_size=batch, verbose=0)

    def run(steps: int, watch: bool) -> None:
        callbacks = [Doctor(say=lambda text: None)] if watch else []
        model.fit(x, y, batch_size=batch, epochs=max(1, steps // 45), verbose=0, callbacks=callbacks)

    return run


WORKS: dict[str, tuple[Callable[..., Run], tuple[int, ...], int, tuple[int, int]]] = {
    "torch, digits MLP": (of_torch, (128, 64), BATCH, (450, 1800)),
    "torch, 50 ms step": (of_torch, (2048, 2048), 256, (45, 135)),
    "keras on tensorflow, digits MLP": (of_keras, (128, 64), BATCH, (450, 1800)),
    "keras on tensorflow, 50 ms step": (of_keras, (2048, 2048), 256, (45, 135)),
}


def measure(repeats: int, only: str) -> Iterator[dict[str, object]]:
    """Yield one row per work and clock."""
    for work, (make, hidden, batch, lengths) in WORKS.items():
        if only not in work:
            continue
        run = make(hidden, batch)
        for watch in (False, True):
            run(lengths[0], watch)
        taken: dict[tuple[int, bool], list[tuple[float, float]]] = {}
        for repeat in range(repeats):
            for steps in lengths:
                for watch in (repeat % 2 == 0, repeat % 2 != 0):
                    gc.collect()
                    start = time.process_time(), time.perf_counter()
                    run(steps, watch)
                    seconds = time.process_time() - start[0], time.perf_counter() - start[1]
                    taken.setdefault((steps, watch), []).append(seconds)
        for i, clock in enumerate(("cpu", "wall")):
            yield {"work": work, "clock": clock, "repeats": repeats, **_compared(taken, lengths, i)}


def _compared(taken: dict[tuple[int, bool], list[tuple[float, float]]], lengths: tuple[int, int], i: int) -> dict:
    short, long = lengths
    middle = {key: statistics.median(s[i] for s in runs) for key, runs in taken.items()}
    step = {w: (middle[long, w] - middle[short, w]) / (long - short) * 1e3 for w in (False, True)}
    whole = middle[long, True] / middle[long, False] - 1
    once = (middle[short, True] - middle[short, False]) * 1e3 - short * (step[True] - step[False])
    return {
        "steps": long,
        "without_ms": round(step[False], 4),
        "with_ms": round(step[True], 4),
        "step_slower_percent": round(100 * (step[True] / step[False] - 1), 2),
        "training_slower_percent": round(100 * whole, 2),
        "once_ms": round(once, 1),
    }


def main() -> None:
    """Measure, print, append."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few repeats; records nothing")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", default="", help="only the works whose names hold this")
    arguments = parser.parse_args()
    packages = ("numpy", "torch", "tensorflow-cpu", "keras")
    setting = {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "lossmith": lm.__version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else "",
        "versions": ", ".join(f"{p} {importlib.metadata.version(p)}" for p in packages),
    }
    for row in measure(2 if arguments.quick else arguments.repeats, arguments.only):
        print(*(f"{name} {value}" for name, value in row.items()), sep="  ", flush=True)
        if not arguments.quick:
            fresh = not RESULTS.exists()
            with RESULTS.open("a", newline="") as file:
                writer = csv.DictWriter(file, fieldnames=[*setting, *row], lineterminator="\n")
                if fresh:
                    writer.writeheader()
                writer.writerow(setting | row)


if __name__ == "__main__":
    main()
