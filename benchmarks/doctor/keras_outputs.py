"""Keras programs whose last layer and loss do not go together."""

from __future__ import annotations

import keras
import numpy as np
from sklearn import datasets

from .data import Rng, classes, digits, one_hot, scaled, split
from .keras_fit import Fit, chain, compiled, dense, layers
from .program import Shelf

SHELF = Shelf()
faulty = SHELF.faulty


def _cancer(rng: Rng) -> tuple[np.ndarray, np.ndarray]:
    x, y = datasets.load_breast_cancer(return_X_y=True)
    order = rng.permutation(len(x))
    return x[order].astype(np.float32), y[order].astype(np.float32)


@faulty("A02 softmax over one unit, raw inputs up to 4250", "OUT01", "DATA01")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = _cancer(rng)
    x = scaled(x) if fixed else x
    hidden = [layers.Dense(30), layers.BatchNormalization(), layers.Dense(60), layers.BatchNormalization()]
    model = chain((30,), *hidden, layers.Dense(1, activation="sigmoid" if fixed else "softmax"))
    x, y, v = split(x, y)
    return Fit(model=compiled(model, "binary_crossentropy", 0.003), x=x, y=y, validation=v, epochs=5)


@faulty("A04 softmax over one unit, at every time step", "OUT01", "PRED01")
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.integers(0, 2, size=(400, 8, 2))
    carry = np.zeros(400, int)
    y = np.zeros((400, 8, 1), np.float32)
    for i in range(8):  # binary addition, the lowest bit first
        total = x[:, i].sum(axis=1) + carry
        y[:, i, 0], carry = total % 2, total // 2
    recurrent = [layers.GRU(12, return_sequences=True, unroll=True) for _ in range(2)]
    model = chain((8, 2), *recurrent, layers.Dense(1, activation="sigmoid" if fixed else "softmax"))
    x, y, v = split(x.astype(np.float32), y)
    return Fit(model=compiled(model, "binary_crossentropy", 0.02), x=x, y=y, validation=v, epochs=10 if fixed else 3)


@faulty("A06 softmax over one unit and squared error, LSTM", "OUT01", "PRED01")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = classes(rng, 400, 10)
    model = chain((10, 1), layers.LSTM(24), layers.Dense(1, activation="sigmoid" if fixed else "softmax"))
    loss = "binary_crossentropy" if fixed else "mse"
    x, y, v = split(x[..., None], y.astype(np.float32))
    return Fit(model=compiled(model, loss), x=x, y=y, validation=v, epochs=8 if fixed else 3)


@faulty("A08 softmax over one unit on a regression", "OUT01", "OUT07")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = datasets.make_regression(200, 18, noise=5, random_state=int(rng.integers(2**31)))
    y = scaled(y) if fixed else y.astype(np.float32)
    x, y, v = split(x.astype(np.float32), y)
    model = dense(18, 16, 1, last=None if fixed else "softmax")
    return Fit(model=compiled(model, "mse"), x=x, y=y, validation=v, epochs=8)


@faulty("A10 categorical cross-entropy on one output, five classes", "OUT06", "LAB02", "OUT02")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y, v = split(*classes(rng, 500, 5, count=5))
    if fixed:
        model = compiled(dense(5, 32, 16, 5), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    else:
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        model = compiled(dense(5, 32, 16, 1, last="sigmoid"), loss)
    return Fit(model=model, x=x, y=y, validation=v)


@faulty("A12 sigmoid for exclusive classes", "OUT04", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = classes(rng, 500, 10, count=5)
    parts = [layers.Flatten(), layers.Dense(64, activation="relu"), layers.Dropout(0.3)]
    model = chain((10,), *parts, layers.Dense(5, activation="softmax" if fixed else "sigmoid"))
    x, y, v = split(x, one_hot(y, 5))
    return Fit(model=compiled(model, "categorical_crossentropy", metrics=["accuracy"]), x=x, y=y, validation=v)


@faulty("A14 sigmoid for exclusive classes, convolutions", "OUT04", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = digits(rng, 1700, channels=1)
    x, y = x[y < 3], y[y < 3]
    model = chain(
        (8, 8, 1),
        layers.Conv2D(6, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(32, activation="relu"),
        layers.Dense(3, activation="softmax" if fixed else "sigmoid"),
    )
    x, y, v = split(x, one_hot(y, 3))
    return Fit(model=compiled(model, "categorical_crossentropy", 0.005), x=x, y=y, validation=v, epochs=6)


@faulty("A16 relu output and binary cross-entropy", "OUT03")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = classes(rng, 400, 34)
    x, y, v = split(x, y.astype(np.float32))
    model = dense(34, 64, 32, 32, 1, last="sigmoid" if fixed else "relu")
    return Fit(model=compiled(model, "binary_crossentropy", 0.001, ["accuracy"]), x=x, y=y, validation=v)


@faulty("A18 relu output and categorical cross-entropy", "OUT03")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = classes(rng, 500, 40, count=3, apart=2.0)
    last = layers.Dense(3, activation="softmax" if fixed else "relu")
    parts = [layers.Conv1D(12, 40, activation="relu"), layers.GlobalAveragePooling1D()]
    model = chain((40, 1), *parts, last)
    x, y, v = split(x[..., None], one_hot(y, 3))
    return Fit(model=compiled(model, "categorical_crossentropy"), x=x, y=y, validation=v, epochs=6)


@faulty("A20 relu before the softmax", "OUT08", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = digits(rng, 600, channels=1)
    model = chain(
        (8, 8, 1),
        layers.Conv2D(16, 3, activation="relu"),
        layers.Conv2D(32, 3, activation="relu"),
        layers.Conv2D(10, 3, activation=None if fixed else "relu"),
        layers.GlobalAveragePooling2D(),
        layers.Activation("softmax"),
    )
    x, y, v = split(x, one_hot(y, 10))
    return Fit(model=compiled(model, "categorical_crossentropy", metrics=["accuracy"]), x=x, y=y, validation=v)


@faulty("A22 linear output and binary cross-entropy, many sigmoids", "OUT03", "ACT01")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = classes(rng, 400, 28)
    x, y, v = split(x, y.astype(np.float32))
    model = dense(28, 50, 60, 60, 40, 1, hidden="relu" if fixed else "sigmoid")
    loss = keras.losses.BinaryCrossentropy(from_logits=fixed)
    return Fit(model=compiled(model, loss, 0.001), x=x, y=y, validation=v)


@faulty("A24 linear output, binary cross-entropy and Accuracy()", "OUT03", "MET01")
def _(rng: Rng, fixed: bool) -> Fit:
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    y = x.prod(axis=1, keepdims=True)
    metric = keras.metrics.BinaryAccuracy(threshold=0) if fixed else keras.metrics.Accuracy()
    loss = keras.losses.BinaryCrossentropy(from_logits=fixed)
    return Fit(model=compiled(dense(2, 32, 1), loss, 0.05, [metric]), x=x, y=y, epochs=20)


@faulty("A26 independent sigmoids on exclusive classes", "OUT04", "MET01", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = digits(rng, 600, channels=1)
    model = chain(
        (8, 8, 1),
        layers.Conv2D(8, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(32, activation="relu"),
        layers.Dense(10, activation="softmax" if fixed else "sigmoid"),
    )
    loss = "categorical_crossentropy" if fixed else "binary_crossentropy"
    x, y, v = split(x, one_hot(y, 10))
    return Fit(model=compiled(model, loss, metrics=["accuracy"]), x=x, y=y, validation=v, epochs=4)


@faulty("A28 squared error and relu on yes and no", "OUT09", "ACT02", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = classes(rng, 400, 7)
    x, y, v = split(x, y.astype(np.float32))
    model = dense(7, 16, 16, 16, 1, last="sigmoid" if fixed else "relu")
    chosen = keras.optimizers.SGD(0.1)
    loss = "binary_crossentropy" if fixed else "mse"
    return Fit(model=compiled(model, loss, optimizer=chosen), x=x, y=y, validation=v)
