"""``python -m benchmarks.doctor_cost [--only TEXT] [--quick]``: how much slower the doctor makes a training.

Two trainings of the same model on the same batches go in turns in one process, a few steps of the one and a few of the
other (by ``fit`` of Keras an epoch), so that whatever else the machine does falls on both. Each is a whole training of
several epochs with an evaluation after each, and is repeated; a work has a process of its own. Seconds of the processor
and on the wall:

- *ordinary*: all epochs but the first, the looks in them included;
- *first*: the first epoch, with the attachment and the first looks;
- *whole*: all epochs, and what the doctor does at the end. The goal is 3 %.

What the doctor adds to a turn is the median over the repeats, and the intervals (95 %) come from drawing repeats anew.
Both trainings must end with the same weights, bit for bit. Appends to ``doctor_cost.csv``.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import gc
import importlib.metadata
import itertools
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import lossmith as lm

RESULTS = Path(__file__).with_name("doctor_cost.csv")
HELD_OUT = 360  # of digits' 1797 rows
_DRAWS = 1000
_ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "PYTHONHASHSEED": "0",
}


class Shape(NamedTuple):
    """The widths of the hidden layers, rows of a batch, steps of a turn and of an epoch, epochs, repeats."""

    hidden: tuple[int, ...]
    batch: int
    turn: int
    steps: int
    epochs: int
    repeats: int


class Training(NamedTuple):
    """One training: each ``next`` of ``turns`` runs some steps, the last one the end; then its weights."""

    turns: Iterator[None]
    weights: Callable[[], list[np.ndarray]]


Make = Callable[[bool], Training]  # with the doctor, or without
SMALL = Shape((128, 64), 32, 5, 45, 20, 9)
LARGE = Shape((1536, 1536), 256, 1, 10, 10, 3)


def silent(text: str) -> None:
    """Say nothing."""


def digits(shape: Shape) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the batches of an epoch, (steps, batch, 64) and (steps, batch), and (360, 64) and (360,) held out."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x, y = (x / 16).astype("float32"), y.astype("int64")
    rows = np.resize(np.arange(HELD_OUT, len(x)), (shape.steps, shape.batch))
    return x[rows], y[rows], x[:HELD_OUT], y[:HELD_OUT]


def of_torch(shape: Shape) -> Make:
    """Return the training of a multilayer perceptron in a plain PyTorch loop."""
    import torch

    from lossmith.torch import Doctor

    torch.set_num_threads(1)
    x, y, xv, yv = (torch.from_numpy(a) for a in digits(shape))
    sizes = (64, *shape.hidden)

    def make(watched: bool) -> Training:
        torch.manual_seed(0)
        layers = [m for a, b in itertools.pairwise(sizes) for m in (torch.nn.Linear(a, b), torch.nn.ReLU())]
        model = torch.nn.Sequential(*layers, torch.nn.Linear(sizes[-1], 10))
        loss, optimizer = torch.nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters())

        def turns() -> Iterator[None]:
            with Doctor(model, loss, optimizer, say=silent) if watched else contextlib.nullcontext():
                for _ in range(shape.epochs):
                    for step, (rows, labels) in enumerate(zip(x, y, strict=True)):
                        if step and step % shape.turn == 0:
                            yield
                        optimizer.zero_grad()
                        loss(model(rows), labels).backward()
                        optimizer.step()
                    model.eval()
                    with torch.no_grad():
                        loss(model(xv), yv)
                    model.train()
                    yield
            yield

        return Training(turns(), lambda: [p.detach().numpy() for p in model.parameters()])

    return make


def of_keras(backend: str) -> Callable[[Shape], Make]:
    """Return the maker of the training of the same model by ``fit``, compiled before."""

    def made(shape: Shape) -> Make:
        os.environ["KERAS_BACKEND"] = backend
        _one_thread(backend)
        import keras

        from lossmith.keras import Doctor

        x, y, xv, yv = digits(shape)
        x, y = x.reshape(-1, 64), y.reshape(-1)
        keras.utils.set_random_seed(0)
        models = {watched: _keras_model(keras, shape) for watched in (False, True)}
        start = models[False].get_weights()
        for model in models.values():
            model.fit(x, y, batch_size=shape.batch, validation_data=(xv, yv), verbose=0)

        def make(watched: bool) -> Training:
            model = models[watched]
            model.set_weights(start)
            for variable in model.optimizer.variables:
                if "learning_rate" not in variable.path:
                    variable.assign(np.zeros(variable.shape, variable.dtype))

            def fit(pause: Callable[[], None]) -> None:
                turn = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: pause())
                model.fit(
                    x,
                    y,
                    batch_size=shape.batch,
                    epochs=shape.epochs,
                    validation_data=(xv, yv),
                    shuffle=False,
                    verbose=0,
                    callbacks=[*([Doctor(say=silent)] if watched else []), turn],
                )

            return Training(_in_turns(fit), model.get_weights)

        return make

    return made


def _keras_model(keras: Any, shape: Shape) -> Any:
    layers = [keras.layers.Dense(n, activation="relu") for n in shape.hidden]
    model = keras.Sequential([keras.layers.Input((64,)), *layers, keras.layers.Dense(10)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def _one_thread(backend: str) -> None:
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    elif backend == "torch":
        import torch

        torch.set_num_threads(1)


def _in_turns(work: Callable[[Callable[[], None]], None]) -> Iterator[None]:
    """Run a function in a thread of its own, at each ``next`` up to where it calls what it is given."""
    go, done = threading.Semaphore(0), threading.Semaphore(0)
    ended: list[BaseException | None] = []

    def pause() -> None:
        done.release()
        go.acquire()

    def body() -> None:
        go.acquire()
        try:
            work(pause)
            ended.append(None)
        except BaseException as error:
            ended.append(error)
        done.release()

    threading.Thread(target=body, daemon=True).start()
    while not ended:
        go.release()
        done.acquire()
        if ended and ended[0] is not None:
            raise ended[0]
        yield


def of_jax(shape: Shape) -> Make:
    """Return the training of the same model in a plain JAX loop, which shows the doctor all that it can.

    Without the doctor the step returns the same arrays, and nobody looks at them.
    """
    import jax
    import jax.numpy as jnp
    import optax

    from lossmith.jax import Doctor

    x, y, xv, yv = digits(shape)
    name, optimizer = "optax.softmax_cross_entropy_with_integer_labels", optax.adam(1e-3)
    sizes = (64, *shape.hidden, 10)

    def look(weights: Any, x: Any, y: Any) -> tuple[Any, Any]:
        for i, (w, b) in enumerate(weights):
            x = (jax.nn.relu(x) if i else x) @ w + b
        return optax.softmax_cross_entropy_with_integer_labels(x, y).mean(), x

    @jax.jit
    def step(weights: Any, state: Any, x: Any, y: Any) -> tuple[Any, ...]:
        (value, prediction), gradients = jax.value_and_grad(look, has_aux=True)(weights, x, y)
        updates, state = optimizer.update(gradients, state)
        return value, prediction, gradients, optax.apply_updates(weights, updates), state

    evaluate = jax.jit(lambda *given: look(*given)[0])

    def make(watched: bool) -> Training:
        rng = np.random.default_rng(0)
        made = [(rng.normal(size=s) / s[0] ** 0.5, np.zeros(s[1])) for s in itertools.pairwise(sizes)]
        latest: list[Any] = [[(jnp.asarray(w, "float32"), jnp.asarray(b, "float32")) for w, b in made]]

        def turns() -> Iterator[None]:
            weights, state = latest[0], optimizer.init(latest[0])
            doctor = Doctor(name, say=silent) if watched else None
            for _ in range(shape.epochs):
                for i, (rows, labels) in enumerate(zip(x, y, strict=True)):
                    if i and i % shape.turn == 0:
                        jax.block_until_ready(weights)
                        yield
                    value, p, gradients, weights, state = step(weights, state, rows, labels)
                    if doctor is not None:
                        doctor.step(value, prediction=p, target=labels, gradients=gradients, parameters=weights)
                held_out = evaluate(weights, xv, yv)
                if doctor is not None:
                    doctor.epoch(validation=held_out)
                jax.block_until_ready((weights, held_out))
                latest[0] = weights
                yield
            if doctor is not None:
                doctor.close()
            yield

        return Training(turns(), lambda: [np.asarray(a) for a in jax.tree_util.tree_leaves(latest[0])])

    return make


WORKS: dict[str, tuple[Callable[[Shape], Make], Shape]] = {
    "torch, digits MLP": (of_torch, SMALL),
    "torch, 50 ms step": (of_torch, LARGE),
    "keras on tensorflow, digits MLP": (of_keras("tensorflow"), SMALL),
    "keras on tensorflow, 50 ms step": (of_keras("tensorflow"), LARGE),
    "keras on torch, digits MLP": (of_keras("torch"), SMALL),
    "keras on jax, digits MLP": (of_keras("jax"), SMALL),
    "jax, digits MLP": (of_jax, SMALL),
    "jax, 50 ms step": (of_jax, LARGE),
}


def measure(work: str, repeats: int | None) -> Iterator[dict[str, object]]:
    """Yield a row for each clock.

    Raises:
        RuntimeError: The doctor changed the training.
    """
    make, shape = WORKS[work]
    made = make(shape)
    turns = max(sum(1 for _ in made(watched).turns) for watched in (False, True))
    times = repeats or shape.repeats
    taken = np.empty((times, turns, 2, 2))  # without and with the doctor, clocks
    gc.collect()
    gc.freeze()
    for repeat in range(times):
        pair = [made(watched) for watched in (False, True)]
        gc.collect()
        for turn in range(turns):
            for which in (0, 1) if (repeat + turn) % 2 else (1, 0):
                start = time.process_time(), time.perf_counter()
                next(pair[which].turns)
                taken[repeat, turn, which] = time.process_time() - start[0], time.perf_counter() - start[1]
        if any(not np.array_equal(a, b) for a, b in zip(*(t.weights() for t in pair), strict=True)):
            raise RuntimeError(f"{work}: the doctor changed the training")
    for i, clock in enumerate(("cpu", "wall")):
        setting = {"work": work, "clock": clock, "repeats": times, "epochs": shape.epochs, "steps": shape.steps}
        yield setting | summary(taken[..., i], shape)


def summary(taken: np.ndarray, shape: Shape) -> dict[str, object]:
    """Return what seconds (repeats, turns, without and with) say, in percent, with intervals."""
    first = (taken.shape[1] - 1) // shape.epochs  # turns of the first epoch

    def added(seconds: np.ndarray) -> list[float]:
        middle = np.median(seconds, axis=0)
        ratios = np.median(np.log(seconds[:, first:-1, 1] / seconds[:, first:-1, 0]), axis=0)
        base, one, last = middle[first:-1, 0].sum(), middle[:first].sum(axis=0), middle[-1]
        ordinary = float(np.exp(ratios.mean()))
        whole = (one[1] + base * ordinary + last[1]) / (one[0] + base + last[0])
        return [100 * (float(ratio) - 1) for ratio in (ordinary, one[1] / one[0], whole)]

    rng = np.random.default_rng(0)
    drawn = [added(taken[rng.integers(0, len(taken), len(taken))]) for _ in range(_DRAWS)]
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    middle = np.median(taken, axis=0)
    row: dict[str, object] = {"step_ms": round(1e3 * float(middle[first:-1, 0].mean()) * first / shape.steps, 4)}
    for i, name in enumerate(("ordinary", "first", "whole")):
        row |= {f"{name}_percent": round(added(taken)[i], 2)}
        row |= {f"{name}_low": round(float(low[i]), 2), f"{name}_high": round(float(high[i]), 2)}
    more = middle[:, 1] - middle[:, 0]
    return row | {"first_ms": round(1e3 * float(more[:first].sum()), 1), "end_ms": round(1e3 * float(more[-1]), 1)}


def record(row: dict[str, object]) -> None:
    """Append a row, with the setting."""
    packages = ("numpy", "torch", "tensorflow-cpu", "keras", "jax")
    setting = {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "lossmith": lm.__version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else "",
        "versions": ", ".join(f"{p} {importlib.metadata.version(p)}" for p in packages),
    }
    fresh = not RESULTS.exists()
    with RESULTS.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=[*setting, *row], lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow(setting | row)


def main() -> None:
    """Measure each work in a process of its own, print, append."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two repeats; records nothing")
    parser.add_argument("--dry", action="store_true", help="records nothing")
    parser.add_argument("--repeats", type=int, help="trainings of each kind")
    parser.add_argument("--only", default="", help="only the works whose names hold this")
    parser.add_argument("--here", choices=WORKS, help="this work, in this process")
    arguments = parser.parse_args()
    if arguments.here is None:
        given = [f"--repeats={arguments.repeats}"] if arguments.repeats else []
        given += [f"--{flag}" for flag in ("quick", "dry") if getattr(arguments, flag)]
        for work in (work for work in WORKS if arguments.only in work):
            command = [sys.executable, "-m", "benchmarks.doctor_cost", f"--here={work}", *given]
            subprocess.run(command, check=True, env=os.environ | _ONE_THREAD)
        return
    for row in measure(arguments.here, 2 if arguments.quick else arguments.repeats):
        print(*(f"{name} {value}" for name, value in row.items()), sep="  ", flush=True)
        if not (arguments.quick or arguments.dry):
            record(row)


if __name__ == "__main__":
    main()
