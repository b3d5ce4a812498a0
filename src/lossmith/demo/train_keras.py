"""Keras: the model, ``compile`` and ``fit`` as everybody writes them, with ``lossmith.keras`` as the loss."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

import lossmith.keras

from .digits import CLASSES, Digits, EpochReport

EPOCHS, BATCH = 30, 32


class _Report(keras.callbacks.Callback):
    def __init__(self, report: EpochReport) -> None:
        super().__init__()
        self.report = report

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.report({name: float(value) for name, value in (logs or {}).items()})


def train(digits: Digits, report: EpochReport, seed: int = 0) -> np.ndarray:
    """Train, call ``report`` after each epoch, and return the test images' class probabilities (N, 10)."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((8, 8)),
            keras.layers.Flatten(),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss=lossmith.keras.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    model.fit(
        digits.train.images,
        digits.train.labels,
        validation_data=digits.validation,
        epochs=EPOCHS,
        batch_size=BATCH,
        verbose=0,
        callbacks=[_Report(report)],
    )
    probabilities = model.predict(digits.test.images, verbose=0).astype(np.float64)
    return probabilities / probabilities.sum(-1, keepdims=True)
