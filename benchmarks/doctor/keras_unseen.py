"""Keras programs that were kept aside until the first recorded run; later changes may have learned from them."""

from __future__ import annotations

import keras
import numpy as np

from .data import Rng, classes, digits, numbers, one_hot, split
from .keras_fit import Fit, chain, compiled, dense, layers
from .program import Shelf

SHELF = Shelf()
faulty, healthy = SHELF.faulty, SHELF.healthy


@faulty("U11 from_logits=True after a softmax", "OUT02")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = classes(rng, 500, 10, count=4)
    x, y, v = split(x, y)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Fit(model=compiled(dense(10, 32, 4, last=None if fixed else "softmax"), loss), x=x, y=y, validation=v)


@faulty("U12 tanh output and binary cross-entropy", "OUT03")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = classes(rng, 500)
    x, y, v = split(x, y.astype(np.float32))
    model = dense(10, 24, 1, last="sigmoid" if fixed else "tanh")
    return Fit(model=compiled(model, "binary_crossentropy"), x=x, y=y, validation=v)


@faulty("U13 an accuracy beside the squared error", "MET01", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y, v = split(*numbers(rng, 500))
    model = compiled(dense(8, 32, 1), "mse", metrics=["mae" if fixed else "accuracy"])
    return Fit(model=model, x=x, y=y, validation=v, epochs=8)


@faulty("U14 percentage error with targets of 0", "LAB07")
def _(rng: Rng, fixed: bool) -> Fit:
    x, t = numbers(rng, 500)
    x, y, v = split(x, np.maximum(t, 0).astype(np.float32))
    model = dense(8, 32, 1)
    return Fit(model=compiled(model, "mae" if fixed else "mape", 0.005), x=x, y=y, validation=v)


@healthy("kept: Keras, layer normalisation and label smoothing on digits")
def _(rng: Rng) -> Fit:
    x, y = digits(rng, 900)
    x, y, v = split(x, one_hot(y, 10))
    parts = [layers.Flatten(), layers.Dense(48), layers.LayerNormalization(), layers.Activation("relu")]
    model = chain((8, 8), *parts, layers.Dense(10, activation="softmax"))
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.05)
    return Fit(model=compiled(model, loss, metrics=["accuracy"]), x=x, y=y, validation=v)


@healthy("kept: Keras, proportions behind a sigmoid, squared error")
def _(rng: Rng) -> Fit:
    x, t = numbers(rng, 600)
    x, y, v = split(x, (1 / (1 + np.exp(-1.5 * t))).astype(np.float32))
    return Fit(model=compiled(dense(8, 32, 1, last="sigmoid"), "mse"), x=x, y=y, validation=v)


@healthy("kept: Keras, margins on signs")
def _(rng: Rng) -> Fit:
    x, y = classes(rng, 600)
    x, y, v = split(x, 2 * y.astype(np.float32)[:, None] - 1)
    return Fit(model=compiled(dense(10, 24, 1, last="tanh"), "hinge"), x=x, y=y, validation=v)


@healthy("kept: Keras, two inputs, functional")
def _(rng: Rng) -> Fit:
    x, t = numbers(rng, 600)
    one, two = keras.Input((8,)), keras.Input((8,))
    inner = layers.Concatenate()([layers.Dense(16, activation="relu")(one), layers.Dense(16, activation="relu")(two)])
    model = keras.Model([one, two], layers.Dense(1)(inner))
    x, y, (xv, yv) = split(x, t)
    return Fit(model=compiled(model, "mse"), x=[x, -x], y=y, validation=([xv, -xv], yv))
