"""``python -m benchmarks.doctor_cost [--quick]``: how much slower a training is with the doctor beside it.

Trainings of two lengths, with and without the doctor in turn; what the longer one takes beyond the shorter one is the
cost of a step, and the rest what the doctor costs once. For Keras also against a callback that does nothing, as Keras
itself has work with each. CPU seconds of the process, which other processes disturb less, and seconds on the wall.
Appends to ``doctor_cost.csv``; the goal is 3 %.
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
NOTHING, EMPTY, DOCTOR = "nothing", "an empty callback", "the doctor"
Run = Callable[[int, str], None]  # steps, and what runs beside them


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

    def run(steps: int, beside: str) -> None:
        torch.manual_seed(0)
        sizes = (64, *hidden)
        layers = [m for a, b in itertools.pairwise(sizes) for m in (torch.nn.Linear(a, b), torch.nn.ReLU())]
        model = torch.nn.Sequential(*layers, torch.nn.Linear(sizes[-1], 10))
        loss, optimizer = torch.nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters())
        context: AbstractContextManager[Any] = nullcontext()
        if beside == DOCTOR:
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

    made = {NOTHING: list, EMPTY: lambda: [keras.callbacks.Callback()], DOCTOR: lambda: [Doctor(say=lambda text: None)]}

    def run(steps: int, beside: str) -> None:
        model.fit(x, y, batch_size=batch, epochs=max(1, steps // 45), verbose=0, callbacks=made[beside]())

    return run


def of_jax(hidden: tuple[int, ...], batch: int) -> Run:
    """Return the training of the same model in a plain JAX loop, which shows the doctor all that it can."""
    import jax
    import jax.numpy as jnp
    import optax

    from lossmith.jax import Doctor

    x, y = digits()
    name, optimizer = "optax.softmax_cross_entropy_with_integer_labels", optax.adam(1e-3)
    sizes = (64, *hidden, 10)

    def look(weights: Any, x: Any, y: Any) -> tuple[Any, Any]:
        for i, (w, b) in enumerate(weights):
            x = (jax.nn.relu(x) if i else x) @ w + b
        return optax.softmax_cross_entropy_with_integer_labels(x, y).mean(), x

    @jax.jit
    def step(weights: Any, state: Any, x: Any, y: Any) -> tuple[Any, ...]:
        (value, prediction), gradients = jax.value_and_grad(look, has_aux=True)(weights, x, y)
        updates, state = optimizer.update(gradients, state)
        return value, prediction, gradients, optax.apply_updates(weights, updates), state

    def run(steps: int, beside: str) -> None:
        rng = np.random.default_rng(0)
        weights = [(jnp.asarray(rng.normal(size=s) / s[0] ** 0.5), jnp.zeros(s[1])) for s in itertools.pairwise(sizes)]
        state, doctor = optimizer.init(weights), Doctor(name, say=lambda text: None) if beside == DOCTOR else None
        for _ in range(steps):
            rows = rng.integers(0, len(x), batch)
            value, p, gradients, weights, state = step(weights, state, x[rows], y[rows])
            if doctor is not None:
                doctor.step(value, prediction=p, target=y[rows], gradients=gradients, parameters=weights)
        value.block_until_ready()
        if doctor is not None:
            doctor.close(quietly=True)

    return run


WORKS: dict[str, tuple[Callable[..., Run], tuple[int, ...], int, tuple[int, int]]] = {
    "torch, digits MLP": (of_torch, (128, 64), BATCH, (450, 1800)),
    "torch, 50 ms step": (of_torch, (2048, 2048), 256, (45, 135)),
    "keras on tensorflow, digits MLP": (of_keras, (128, 64), BATCH, (450, 1800)),
    "keras on tensorflow, 50 ms step": (of_keras, (2048, 2048), 256, (45, 135)),
    "jax, digits MLP": (of_jax, (128, 64), BATCH, (450, 1800)),
}
BASES = {of_keras: (NOTHING, EMPTY)}


def measure(repeats: int, only: str) -> Iterator[dict[str, object]]:
    """Yield one row per work, what the doctor is compared with, and clock; long steps need half the repeats."""
    for work, (make, hidden, batch, lengths) in WORKS.items():
        if only not in work:
            continue
        times = repeats if lengths[1] > 1000 else max(3, repeats // 2)
        bases = BASES.get(make, (NOTHING,))
        run = make(hidden, batch)
        for beside in (*bases, DOCTOR):
            run(lengths[0], beside)
        taken: dict[tuple[int, str], list[tuple[float, float]]] = {}
        for repeat in range(times):
            for steps in lengths:
                for beside in (*bases, DOCTOR)[:: 1 if repeat % 2 else -1]:
                    gc.collect()
                    start = time.process_time(), time.perf_counter()
                    run(steps, beside)
                    seconds = time.process_time() - start[0], time.perf_counter() - start[1]
                    taken.setdefault((steps, beside), []).append(seconds)
        for base, (i, clock) in itertools.product(bases, enumerate(("cpu", "wall"))):
            row = {"work": work, "against": base, "clock": clock, "repeats": times}
            yield row | _compared(taken, lengths, base, i)


def _compared(
    taken: dict[tuple[int, str], list[tuple[float, float]]], lengths: tuple[int, int], base: str, i: int
) -> dict[str, object]:
    short, long = lengths
    middle = {key: statistics.median(s[i] for s in runs) for key, runs in taken.items()}
    step = {w: (middle[long, w] - middle[short, w]) / (long - short) * 1e3 for w in (base, DOCTOR)}
    whole = middle[long, DOCTOR] / middle[long, base] - 1
    once = (middle[short, DOCTOR] - middle[short, base]) * 1e3 - short * (step[DOCTOR] - step[base])
    return {
        "steps": long,
        "without_ms": round(step[base], 4),
        "with_ms": round(step[DOCTOR], 4),
        "step_slower_percent": round(100 * (step[DOCTOR] / step[base] - 1), 2),
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
    packages = ("numpy", "torch", "tensorflow-cpu", "keras", "jax")
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
