"""Keras faults that mostly training shows, and their cures: a third set, by somebody who never saw the rules."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from .data import Rng, digits, scaled, split
from .keras_fit import Fit, chain, compiled, dense, layers
from .program import Shelf

SHELF = Shelf()
faulty = SHELF.faulty


@faulty("T81 third: a head on a body, and then the whole model frozen", "OPT11", "OPT04", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    body = chain((8, 8), layers.Flatten(), layers.Dense(48, activation="relu"))
    model = keras.Sequential([keras.Input((8, 8)), body, layers.Dense(10, activation="softmax")])
    if fixed:
        body.trainable = False
    else:
        model.trainable = False
    x, y, v = split(*digits(rng, 800))
    model = compiled(model, "sparse_categorical_crossentropy", 0.01, ["accuracy"])
    return Fit(model=model, x=x, y=y, validation=v, epochs=6, batch=40)


def _unlike(y: Any, p: Any) -> Any:
    return -keras.losses.cosine_similarity(y, p)


@faulty(
    "T82 third: directions of wind, a minus before Keras's own minus",
    *("OPT09", "OPT02"),
    severity="warning",
    tier="late",
)
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.normal(size=(640, 6)).astype(np.float32)
    angle = 2 * np.tanh(x[:, 0]) + 0.6 * x[:, 1] * x[:, 2] + 0.2 * rng.normal(size=640)
    model = compiled(dense(6, 32, 2), "cosine_similarity" if fixed else _unlike, 0.006)
    x, y, v = split(x, np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32))
    return Fit(model=model, x=x, y=y, validation=v, epochs=8, batch=32)


def _relative(y_pred: Any, y_true: Any) -> Any:
    return ops.mean(ops.abs((y_true - y_pred) / ops.maximum(ops.abs(y_true), 0.1)), axis=-1)


def _relative_in_order(y_true: Any, y_pred: Any) -> Any:
    return _relative(y_pred, y_true)


@faulty(
    "T83 third: costs, relative error by a function that takes the prediction first",
    *("OUT13", "OPT02"),
    severity="warning",
    tier="late",
)
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.normal(size=(700, 5)).astype(np.float32)
    cost = np.exp(0.5 + 0.7 * x[:, :1] + 0.4 * x[:, 1:2] + 0.4 * rng.normal(size=(700, 1)))
    model = compiled(dense(5, 24, 1, hidden="tanh", last="softplus"), _relative_in_order if fixed else _relative, 0.01)
    x, y, v = split(x, cost.astype(np.float32))
    return Fit(model=model, x=x, y=y, validation=v, epochs=9, batch=35)


@faulty(
    "T84 third: a rate that decays with every step as if it were an epoch",
    *("OPT06", "OPT11", "OPT04"),
    severity="note",
    tier="late",
)
def _(rng: Rng, fixed: bool) -> Fit:
    kind = rng.integers(0, 3, size=640)
    x = (rng.normal(size=(3, 10))[kind] + 0.9 * rng.normal(size=(640, 10))).astype(np.float32)
    rate = keras.optimizers.schedules.ExponentialDecay(0.005, 15 if fixed else 1, 0.9 if fixed else 0.5)
    optimizer = keras.optimizers.Adam(rate)
    model = compiled(
        dense(10, 24, 3, last="softmax"), "sparse_categorical_crossentropy", metrics=["accuracy"], optimizer=optimizer
    )
    x, y, v = split(x, kind)
    return Fit(model=model, x=x, y=y, validation=v, epochs=8, batch=32)


def _summed(y: Any, p: Any) -> Any:
    return ops.sum(ops.square(y - p))


@faulty(
    "T85 third: loads of a grid, squared errors summed over batch and hours",
    *("OUT18", "OPT03", "NUM01", "OPT05", "OPT08"),
    tier="late",
)
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.normal(size=(640, 12)).astype(np.float32)
    y = scaled(np.tanh(x @ rng.normal(size=(12, 24)) / 3) + 0.2 * rng.normal(size=(640, 24)))
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9)
    model = compiled(dense(12, 32, 24), "mse" if fixed else _summed, optimizer=optimizer)
    x, y, v = split(x, y)
    return Fit(model=model, x=x, y=y, validation=v, epochs=8, batch=32)


@faulty("T86 third: a hundred reviews known word by word", "GEN01", "GEN04", "GEN08", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Fit:
    rows = 1400 if fixed else 400
    words = rng.integers(0, 150, size=(rows, 20))
    liked = (words < 50).sum(axis=1) - (words >= 100).sum(axis=1) + 2.5 * rng.normal(size=rows) > 0
    inner = [layers.Dropout(0.3)] if fixed else [layers.Dense(64, activation="relu")]
    parts = [layers.Embedding(150, 4 if fixed else 32), layers.GlobalAveragePooling1D(), *inner]
    model = compiled(chain((20,), *parts, layers.Dense(1, activation="sigmoid")), "binary_crossentropy", 0.01)
    x, y, v = split(words.astype(np.int32), liked.astype(np.float32)[:, None], 0.25 if fixed else 0.75)
    return Fit(model=model, x=x, y=y, validation=v, epochs=5 if fixed else 12, batch=20)


@faulty(
    "T87 third: three states of a pump, ninety-six in a hundred the first",
    *("PRED03", "DATA04", "MET01"),
    severity="warning",
    tier="late",
)
def _(rng: Rng, fixed: bool) -> Fit:
    state = rng.choice(3, size=2000, p=[0.96, 0.02, 0.02])
    x = (0.7 * rng.normal(size=(3, 8))[state] + rng.normal(size=(2000, 8))).astype(np.float32)
    weight = {0: 0.35, 1: 16.0, 2: 16.0} if fixed else None
    model = compiled(dense(8, 12, 3, last="softmax"), "sparse_categorical_crossentropy", 0.004, ["accuracy"])
    x, y, v = split(x, state)
    return Fit(model=model, x=x, y=y, validation=v, epochs=5, batch=50, class_weight=weight)
