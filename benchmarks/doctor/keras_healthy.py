"""Healthy Keras programs."""

from __future__ import annotations

import keras
import numpy as np

from .data import Rng, classes, digits, discs, numbers, one_hot, sentences, split, waves
from .keras_fit import Fit, chain, compiled, dense, layers
from .program import Shelf

SHELF = Shelf()
healthy = SHELF.healthy


@healthy("Keras: N04 several labels, sigmoids and binary loss")
def _(rng: Rng) -> Fit:
    x, t = numbers(rng, 600, outputs=5)
    x, y, v = split(x, (t > 0.4).astype(np.float32))
    model = compiled(dense(8, 48, 5, last="sigmoid"), "binary_crossentropy", metrics=["binary_accuracy"])
    return Fit(model=model, x=x, y=y, validation=v)


@healthy("Keras: N08 counts, exponential output and Poisson loss")
def _(rng: Rng) -> Fit:
    x, t = numbers(rng, 600)
    x, y, v = split(x, rng.poisson(np.exp(0.6 * t)).astype(np.float32))
    model = compiled(dense(8, 32, 1, last="softplus"), "poisson", 0.005)
    return Fit(model=model, x=x, y=y, validation=v, epochs=8)


@healthy("Keras: digits, convolutions and softmax")
def _(rng: Rng) -> Fit:
    x, y, v = split(*digits(rng, 900, 1))
    parts = [layers.Conv2D(12, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten()]
    model = chain((8, 8, 1), *parts, layers.Dense(10, activation="softmax"))
    model = compiled(model, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return Fit(model=model, x=x, y=y, validation=v)


@healthy("Keras: logits, and an accuracy that cuts at 0")
def _(rng: Rng) -> Fit:
    x, y = classes(rng, 600)
    x, y, v = split(x, y.astype(np.float32)[:, None])
    loss, metric = keras.losses.BinaryCrossentropy(from_logits=True), keras.metrics.BinaryAccuracy(threshold=0)
    return Fit(model=compiled(dense(10, 24, 1), loss, metrics=[metric]), x=x, y=y, validation=v)


@healthy("Keras: label smoothing")
def _(rng: Rng) -> Fit:
    x, y = classes(rng, 600, 10, count=4)
    x, y, v = split(x, one_hot(y, 4))
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.05)
    return Fit(model=compiled(dense(10, 32, 4, last="softmax"), loss), x=x, y=y, validation=v)


@healthy("Keras: few positives, class weights")
def _(rng: Rng) -> Fit:
    x, t = numbers(rng, 900)
    x, y, v = split(x, (t > 1.2).astype(np.float32))
    weight = {0: 0.6, 1: 3.0}
    model = compiled(dense(8, 32, 1, last="sigmoid"), "binary_crossentropy")
    return Fit(model=model, x=x, y=y, validation=v, class_weight=weight)


@healthy("Keras: sentences, embedding with a mask, GRU")
def _(rng: Rng) -> Fit:
    x, y, v = split(*sentences(rng, 600))
    parts = [layers.Embedding(30, 8, mask_zero=True), layers.GRU(12), layers.Dense(1, activation="sigmoid")]
    model = compiled(chain((12,), *parts), "binary_crossentropy", 0.02)
    return Fit(model=model, x=x, y=y.astype(np.float32), validation=(v[0], v[1].astype(np.float32)), batch=64)


@healthy("Keras: raw inputs behind a Normalization layer")
def _(rng: Rng) -> Fit:
    x, t = numbers(rng, 600)
    x, y, v = split((1500 + 400 * x).astype(np.float32), t)
    normal = layers.Normalization(mean=1500.0, variance=160_000.0)
    model = chain((8,), normal, layers.Dense(32, activation="relu"), layers.Dense(1))
    return Fit(model=compiled(model, "mse"), x=x, y=y, validation=v, epochs=8)


@healthy("Keras: bytes behind a Rescaling layer, dropout inside")
def _(rng: Rng) -> Fit:
    x, y = digits(rng, 900)
    x, y, v = split(255 * x, y)
    parts = [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(48, activation="relu"), layers.Dropout(0.3)]
    model = chain((8, 8), *parts, layers.Dense(10, activation="softmax"))
    return Fit(model=compiled(model, "sparse_categorical_crossentropy"), x=x, y=y, validation=v)


@healthy("Keras: autoencoder, sigmoid and binary loss")
def _(rng: Rng) -> Fit:
    x, _ = digits(rng, 700)
    x, y, v = split(x.reshape(-1, 64), x.reshape(-1, 64))
    model = compiled(dense(64, 32, 12, 32, 64, last="sigmoid"), "binary_crossentropy")
    return Fit(model=model, x=x, y=y, validation=v)


@healthy("Keras: masks of discs, sigmoid and binary loss")
def _(rng: Rng) -> Fit:
    x, mask = discs(rng, 160)
    x, y, v = split(x[..., None], mask[..., None])
    model = chain(
        (16, 16, 1), layers.Conv2D(8, 5, padding="same", activation="relu"), layers.Conv2D(1, 5, padding="same"),
        layers.Activation("sigmoid"),
    )  # fmt: skip
    return Fit(model=compiled(model, "binary_crossentropy"), x=x, y=y, validation=v, batch=12)


@healthy("Keras: forecast of a wave, Huber loss")
def _(rng: Rng) -> Fit:
    x, y, v = split(*waves(rng, 400))
    model = chain((20, 1), layers.Conv1D(12, 5, activation="relu"), layers.Flatten(), layers.Dense(1))
    return Fit(model=compiled(model, "huber"), x=x, y=y, validation=v)


@healthy("Keras: shares of a whole, softmax and divergence")
def _(rng: Rng) -> Fit:
    x = rng.normal(size=(600, 8)).astype(np.float32)
    z = np.tanh(x @ rng.normal(size=(8, 5)))
    x, y, v = split(x, (np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)).astype(np.float32))
    return Fit(model=compiled(dense(8, 32, 5, last="softmax"), "kl_divergence"), x=x, y=y, validation=v)


@healthy("Keras: frozen base, new head")
def _(rng: Rng) -> Fit:
    x, y, v = split(*digits(rng, 1000))
    base = keras.Sequential([keras.Input((8, 8)), layers.Flatten(), layers.Dense(96, activation="relu")])
    base.trainable = False
    model = chain((8, 8), base, layers.Dense(10))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return Fit(model=compiled(model, loss, 0.02, ["accuracy"]), x=x, y=y, validation=v)
