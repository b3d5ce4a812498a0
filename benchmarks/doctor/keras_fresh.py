"""Keras faults and their cures, kept aside until the third recorded run and written without sight of the doctor."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from sklearn import datasets

from .data import Array, Rng, one_hot, scaled, split
from .keras_fit import Fit, chain, compiled, layers
from .program import Shelf

SHELF = Shelf()
faulty = SHELF.faulty


@faulty("W21 heartbeats, softmax over one unit behind convolutions", "OUT01", "PRED01")
def _(rng: Rng, fixed: bool) -> Fit:
    early = rng.random(480) < 0.4
    at = np.where(early, rng.integers(6, 12, size=480), rng.integers(18, 24, size=480))
    beat = np.exp(-0.5 * ((np.arange(32) - at[:, None]) / 1.5) ** 2) + 0.15 * rng.normal(size=(480, 32))
    parts = [layers.Conv1D(8, 5, strides=2, activation="relu"), layers.Flatten(), layers.Dropout(0.2)]
    head = layers.Dense(1, activation="sigmoid" if fixed else "softmax")
    model = compiled(chain((32, 1), *parts, head), keras.losses.BinaryCrossentropy(), 0.003)
    x, y, v = split(beat.astype(np.float32)[..., None], early.astype(np.float32)[:, None])
    return Fit(model=model, x=x, y=y, validation=v, epochs=6, batch=20)


@faulty("W22 pixels of a road, sigmoid and from_logits=True", "OUT02")
def _(rng: Rng, fixed: bool) -> Fit:
    middle = rng.uniform(4, 8, size=(150, 1, 1)) + np.arange(12)[:, None] * rng.uniform(-0.3, 0.3, size=(150, 1, 1))
    road = (np.abs(np.arange(12) - middle) < 2.2).astype(np.float32)[..., None]
    image = np.where(road > 0, [0.4, 0.4, 0.45], [0.3, 0.6, 0.3]) + 0.2 * rng.normal(size=(150, 12, 12, 3))
    inputs = keras.Input((12, 12, 3))
    h = layers.Conv2D(8, 3, padding="same", activation="swish")(inputs)
    h = layers.Conv2D(8, 3, padding="same", activation="swish")(h)
    outputs = layers.Conv2D(1, 1, activation=None if fixed else "sigmoid")(h)
    model = compiled(keras.Model(inputs, outputs), keras.losses.BinaryCrossentropy(from_logits=True), 0.01)
    x, y, v = split(image.astype(np.float32), road)
    return Fit(model=model, x=x, y=y, validation=v, epochs=6, batch=15)


@faulty("W23 no activation before the loss of that name", "OUT03")
def _(rng: Rng, fixed: bool) -> Fit:
    kind = rng.integers(0, 4, size=600)
    x = np.cumsum(rng.normal(size=(600, 16)) * np.array([0.5, 0.5, 1.5, 1.5])[kind][:, None], axis=1)
    x += np.where(kind % 2, 0.4, -0.4)[:, None] * np.arange(16)
    model = chain((16, 1), layers.Conv1D(16, 4, activation="gelu"), layers.GlobalMaxPooling1D(), layers.Dense(4))
    loss: Any = "sparse_categorical_crossentropy"
    if fixed:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    x, y, v = split((x / 4).astype(np.float32)[..., None], kind)
    return Fit(model=compiled(model, loss, 0.01, ["accuracy"]), x=x, y=y, validation=v, epochs=8, batch=30)


@faulty("W24 rows of 0 and 1 for the sparse loss", "LAB02")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = datasets.make_blobs(500, 6, centers=5, cluster_std=3.0, random_state=int(rng.integers(2**31)))[:2]
    parts = [layers.Dense(32, activation="elu"), layers.BatchNormalization(), layers.Dense(5, activation="softmax")]
    loss = "categorical_crossentropy" if fixed else "sparse_categorical_crossentropy"
    x, y, v = split(scaled(x), one_hot(y, 5))
    return Fit(model=compiled(chain((6,), *parts), loss, 0.005), x=x, y=y, validation=v, batch=32)


@faulty("W25 energy of houses, raw inputs and targets", "DATA01", "DATA02", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    area, cold, year = rng.gamma(8, 20, size=600), rng.uniform(1500, 4500, size=600), rng.integers(1920, 2020, size=600)
    use = 0.02 * area * cold * (1 + (2020 - year) / 60) * np.exp(0.1 * rng.normal(size=600))
    x, y = np.stack([area, cold, year], axis=1).astype(np.float32), use.astype(np.float32)[:, None]
    x, y, v = split(*((scaled(x), scaled(y)) if fixed else (x, y)))
    parts = [layers.Dense(48, activation="relu"), layers.Dense(24, activation="relu"), layers.Dense(1)]
    model = compiled(chain((3,), *parts), "mse", 0.003, ["mae"])
    return Fit(model=model, x=x, y=y, validation=v, epochs=10, batch=30)


@faulty("W26 temperatures of unit scale behind a tanh", "OUT07")
def _(rng: Rng, fixed: bool) -> Fit:
    day = rng.integers(0, 365, size=(500, 1)) + np.arange(15)
    warmth = scaled((-np.cos(2 * np.pi * day / 365) + 0.3 * rng.normal(size=day.shape)).reshape(-1, 1)).reshape(-1, 15)
    last = layers.Dense(1) if fixed else layers.Dense(1, activation="tanh")
    model = chain((14, 1), layers.SimpleRNN(12), layers.Dense(8, activation="relu"), last)
    x, y, v = split(warmth[:, :14, None], warmth[:, 14:])
    loss = keras.losses.MeanSquaredError()
    return Fit(model=compiled(model, loss, 0.01), x=x, y=y, validation=v, epochs=6, batch=25)


@faulty("W27 momentum and a rate that explodes", "OPT03", "NUM01", tier="late")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = datasets.make_friedman2(600, noise=20.0, random_state=int(rng.integers(2**31)))
    parts = [layers.Dense(40, activation="relu"), layers.Dense(40, activation="relu"), layers.Dense(1)]
    optimizer = keras.optimizers.SGD(0.01 if fixed else 1.0, momentum=0.9)
    model = compiled(chain((4,), *parts), "mse", optimizer=optimizer)
    x, y, v = split(scaled(x), scaled(y)[:, None])
    return Fit(model=model, x=x, y=y, validation=v, epochs=8, batch=32)


@faulty("W28 two frauds in a hundred, accuracy alone", "DATA04", "MET01", "PRED01", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.normal(size=(2400, 8)).astype(np.float32)
    fraud = 1 / (1 + np.exp(6.5 - 2 * x[:, 0] - 1.2 * np.abs(x[:, 1]))) > rng.random(2400)
    parts = [layers.Dense(24, activation="relu"), layers.Dense(1, activation="sigmoid")]
    metric = keras.metrics.AUC(curve="PR", name="pr_auc") if fixed else "accuracy"
    model = compiled(chain((8,), *parts), "binary_crossentropy", 0.005, [metric])
    x, y, v = split(x, fraud.astype(np.float32)[:, None])
    return Fit(
        model=model, x=x, y=y, validation=v, epochs=8, batch=64, class_weight={0: 0.6, 1: 6.0} if fixed else None
    )


@faulty("W29 wines in the order of the file, the last for validation", "DATA05", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = datasets.load_wine(return_X_y=True)
    order = rng.permutation(len(x)) if fixed else np.arange(len(x))
    x, y, v = split(scaled(x[order]), y[order].astype(np.int64))
    parts = [layers.Dense(16, activation="relu"), layers.Dropout(0.1), layers.Dense(3, activation="softmax")]
    model = compiled(chain((13,), *parts), "sparse_categorical_crossentropy", 0.01, ["accuracy"])
    return Fit(model=model, x=x, y=y, validation=v, epochs=12, batch=16)


def _deep(hidden: str, start: str) -> list[Any]:
    return [layers.Dense(24, activation=hidden, kernel_initializer=start) for _ in range(8)]


def _rings(rng: Rng, rows: int) -> tuple[Array, Array]:
    x, y = datasets.make_circles(rows, noise=0.1, factor=0.4, random_state=int(rng.integers(2**31)))
    return scaled(x), y.astype(np.float32)[:, None]


@faulty("W30 eight layers of sigmoids", "ACT01", "OPT02", "PRED01", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y, v = split(*_rings(rng, 600))
    hidden = _deep("relu", "he_normal") if fixed else _deep("sigmoid", "glorot_uniform")
    model = chain((2,), *hidden, layers.Dense(1, activation="sigmoid"))
    optimizer = keras.optimizers.SGD(0.01, momentum=0.9, clipnorm=1.0)
    return Fit(
        model=compiled(model, "binary_crossentropy", optimizer=optimizer), x=x, y=y, validation=v, epochs=12, batch=32
    )
