"""Keras programs kept aside for the second recorded run: no criterion was changed after the doctor had seen them."""

from __future__ import annotations

import keras

from .data import Rng, classes, numbers, split
from .keras_fit import Fit, chain, compiled, layers
from .program import Shelf

SHELF = Shelf()
faulty, healthy = SHELF.faulty, SHELF.healthy


def _penalised(features: int, outputs: int, strength: float) -> object:
    def penalty() -> object:
        return keras.regularizers.L2(strength)

    inner = [layers.Dense(32, activation="relu", kernel_regularizer=penalty()) for _ in range(2)]
    return chain((features,), *inner, layers.Dense(outputs, kernel_regularizer=penalty()))


@faulty("V11 a penalty that leaves nothing to learn", "OPT12", "OPT02", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y, v = split(*classes(rng, 800, 10, count=4))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = compiled(_penalised(10, 4, 1e-4 if fixed else 1.0), loss, 0.005)
    return Fit(model=model, x=x, y=y, validation=v, epochs=8)


@healthy("kept: Keras, a penalty that fits, numbers")
def _(rng: Rng) -> Fit:
    x, y, v = split(*numbers(rng, 800))
    return Fit(model=compiled(_penalised(8, 1, 1e-3), "mse", 0.005), x=x, y=y, validation=v, epochs=8)


@healthy("kept: Keras, classes weighed by fit")
def _(rng: Rng) -> Fit:
    x, y, v = split(*classes(rng, 900, 10, count=3))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model = compiled(chain((10,), layers.Dense(24, activation="relu"), layers.Dense(3)), loss, 0.005)
    weights = {0: 2.0, 1: 1.0, 2: 0.5}
    return Fit(model=model, x=x, y=y, validation=v, epochs=8, class_weight=weights)
