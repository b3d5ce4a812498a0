"""Keras programs whose targets, labels or optimisation are at fault."""

from __future__ import annotations

import keras
import numpy as np
from sklearn import datasets

from .data import Rng, classes, digits, numbers, one_hot, scaled, split
from .keras_fit import Fit, chain, compiled, dense, layers
from .program import Shelf

SHELF = Shelf()
faulty = SHELF.faulty


@faulty("B02 sigmoid output, prices as targets", "OUT07", "DATA02")
def _(rng: Rng, fixed: bool) -> Fit:
    x, t = numbers(rng, 400, 6)
    prices = np.exp(8.6 + 0.8 * t).clip(500, 29_900)
    x, y, v = split(x, scaled(prices) if fixed else prices)
    model = dense(6, 12, 8, 1, last=None if fixed else "sigmoid")
    return Fit(model=compiled(model, "mse"), x=x, y=y, validation=v, epochs=12)


@faulty("B04 sigmoid output, targets from -1 to 1", "OUT07")
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.uniform(-3, 3, size=(600, 1)).astype(np.float32)
    x, y, v = split(x, np.sin(x))
    model = dense(1, 16, 1, last="tanh" if fixed else "sigmoid")
    return Fit(model=compiled(model, "mse", 0.02), x=x, y=y, validation=v, epochs=8)


@faulty("B06 relu output, negative targets", "OUT07")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y, v = split(*numbers(rng, 400, 3))
    model = dense(3, 4, 1, last=None if fixed else "relu")
    return Fit(model=compiled(model, "mse", 0.02), x=x, y=y, validation=v, epochs=10)


@faulty("B08 autoencoder with relu on standardised inputs", "OUT07")
def _(rng: Rng, fixed: bool) -> Fit:
    x = scaled(rng.normal(size=(300, 4)) @ rng.normal(size=(4, 60)) + 0.3 * rng.normal(size=(300, 60)))
    x, y, v = split(x, x)
    model = dense(60, 24, 6, 24, 60, last=None if fixed else "relu")
    return Fit(model=compiled(model, "mse"), x=x, y=y, validation=v)


@faulty("B10 Poisson loss on negative targets, softmax output", "LAB07", "OUT07")
def _(rng: Rng, fixed: bool) -> Fit:
    x, t = datasets.make_regression(300, 10, n_targets=3, random_state=int(rng.integers(2**31)))
    x, y, v = split(x.astype(np.float32), scaled(t) if fixed else t.astype(np.float32))
    model = dense(10, 50, 40, 3, hidden="relu" if fixed else "sigmoid", last=None if fixed else "softmax")
    return Fit(model=compiled(model, "mse" if fixed else "poisson"), x=x, y=y, validation=v)


@faulty("B12 targets in thousands, inputs up to 2000", "DATA01", "DATA02", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.uniform(50, 2000, size=(400, 3)).astype(np.float32)
    y = (600 + 1.2 * x[:, :1] + 0.4 * x[:, 1:2] + 50 * rng.normal(size=(400, 1))).astype(np.float32)
    x, y = (scaled(x), scaled(y)) if fixed else (x, y)
    x, y, v = split(x, y)
    model = compiled(dense(3, 16, 16, 16, 16, 1), "mse", 0.003 if fixed else 0.0001)
    return Fit(model=model, x=x, y=y, validation=v)


@faulty("B14 labels 0 to 9 into one sigmoid, raw pixels", "LAB04", "OUT15", "DATA01")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = digits(rng, 600, channels=1)
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten()]
    last = layers.Dense(10, activation="softmax") if fixed else layers.Dense(1, activation="sigmoid")
    loss = "sparse_categorical_crossentropy" if fixed else "binary_crossentropy"
    x, y, v = split(x if fixed else 255 * x, y if fixed else y.astype(np.float32))
    return Fit(model=compiled(chain((8, 8, 1), *parts, last), loss), x=x, y=y, validation=v, epochs=5)


@faulty("B16 labels 0 to 2, one sigmoid, categorical cross-entropy", "OUT06")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = datasets.load_iris(return_X_y=True)
    order = rng.permutation(len(x))
    x, y, v = split(scaled(x[order]), y[order])
    parts = []
    for _ in range(2):
        parts += [layers.Dense(4, activation="relu"), layers.BatchNormalization()]
    last = layers.Dense(3, activation="softmax") if fixed else layers.Dense(1, activation="sigmoid")
    loss = "sparse_categorical_crossentropy" if fixed else "categorical_crossentropy"
    return Fit(model=compiled(chain((4,), *parts, last), loss, 0.03), x=x, y=y, validation=v, epochs=15, batch=16)


@faulty("B18 rows of shares with negative ones, sigmoid output", "OUT07", "LAB05")
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.normal(size=(400, 20)).astype(np.float32)
    z = 1.5 * np.tanh(x @ rng.normal(size=(20, 6))) + 0.2 * rng.normal(size=(400, 6))
    shares = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    y = shares if fixed else z / z.sum(axis=1, keepdims=True)
    x, y, v = split(x, y.astype(np.float32))
    model = dense(20, 15, 6, last="softmax" if fixed else "sigmoid")
    return Fit(model=compiled(model, "kl_divergence" if fixed else "mae"), x=x, y=y, validation=v, epochs=8)


@faulty("C02 class indices for a loss that takes rows", "LAB02")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = classes(rng, 400, 64, count=7)
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.Flatten(), layers.Dense(7)]
    loss = keras.losses.SparseCategoricalCrossentropy if fixed else keras.losses.CategoricalCrossentropy
    x, y, v = split(x.reshape(-1, 8, 8, 1), y)
    return Fit(
        model=compiled(chain((8, 8, 1), *parts), loss(from_logits=True), 0.003), x=x, y=y, validation=v, epochs=4
    )


@faulty("C04 class indices beside two softmax columns", "LAB02")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y, v = split(*classes(rng, 500, 5))
    loss = "sparse_categorical_crossentropy" if fixed else "categorical_crossentropy"
    return Fit(model=compiled(dense(5, 32, 2, last="softmax"), loss), x=x, y=y, validation=v)


@faulty("D02 learning rate far too low", "OPT06", severity="note", tier="late")
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.uniform(-1, 1, size=(640, 2)).astype(np.float32)
    y = (x @ np.array([1.0, -0.7], np.float32) > 0.1).astype(np.int64)
    x, y, v = split(x, one_hot(y, 2))
    model = compiled(
        dense(2, 2, 2, hidden="sigmoid", last="softmax"), "categorical_crossentropy", 0.1 if fixed else 1e-3
    )
    return Fit(model=model, x=x, y=y, validation=v, epochs=15)


@faulty("D04 dropout between logits and softmax", "OUT16", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = digits(rng, 700)
    parts = [layers.Flatten(), layers.Dense(48, activation="relu"), layers.Dense(10)]
    parts += [] if fixed else [layers.Dropout(0.5)]
    model = chain((8, 8), *parts, layers.Activation("softmax"))
    x, y, v = split(x, y)
    return Fit(model=compiled(model, "sparse_categorical_crossentropy", 0.005), x=x, y=y, validation=v)


@faulty("D06 labels scaled instead of the test inputs", "LAB02", "DATA03")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = digits(rng, 700, channels=1)
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.Flatten(), layers.Dense(10, activation="softmax")]
    x, y, (xv, yv) = split(x, y)
    y, xv = (y, xv) if fixed else (y.astype(np.float32) / 255, 255 * xv)
    model = compiled(chain((8, 8, 1), *parts), "sparse_categorical_crossentropy", 0.003)
    return Fit(model=model, x=x, y=y, validation=(xv, yv))
