"""Keras faults and their cures: kept aside, written without sight of the rules."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from sklearn import datasets

from .data import Rng, digits, one_hot, scaled, split
from .keras_fit import Fit, chain, compiled, layers
from .program import Shelf

SHELF = Shelf()
faulty = SHELF.faulty
COLLAPSED = ("OPT03", "OPT02", "PRED01", "ACT02", "NUM01")  # what may be seen of steps that are far too long


@faulty("S51 second: reviews, softmax over one unit behind a mean of words", "OUT01", "PRED01")
def _(rng: Rng, fixed: bool) -> Fit:
    words = rng.integers(1, 40, size=(640, 14)).astype(np.int32)
    liked = ((words < 14).sum(axis=1) > (words > 26).sum(axis=1)).astype(np.float32)[:, None]
    parts = [layers.Embedding(40, 10), layers.GlobalAveragePooling1D(), layers.Dense(16, activation="gelu")]
    model = chain((14,), *parts, layers.Dense(1, activation="sigmoid" if fixed else "softmax"))
    x, y, v = split(words, liked)
    return Fit(model=compiled(model, "binary_crossentropy", 0.02, ["accuracy"]), x=x, y=y, validation=v, batch=40)


@faulty("S52 second: demand from two tables, softmax over one unit", "OUT01", "OUT07")
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.normal(size=(560, 9)).astype(np.float32)
    y = scaled(x[:, :1] * x[:, 1:2] + x[:, 2:3] + 0.2 * rng.normal(size=(560, 1)))
    inputs = keras.Input((9,))
    wide = layers.Dense(8)(inputs)
    deep = layers.Dense(32, activation="elu")(inputs)
    outputs = layers.Dense(1, activation=None if fixed else "softmax")(layers.Concatenate()([wide, deep]))
    model = compiled(keras.Model(inputs, outputs), keras.losses.Huber(), optimizer=keras.optimizers.Nadam(0.01))
    x, y, v = split(x, y)
    return Fit(model=model, x=x, y=y, validation=v, epochs=9, batch=35)


def _gestures(rng: Rng, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return paths of a hand (N, 20, 2) and which of four figures it drew."""
    kind = rng.integers(0, 4, size=rows)
    t = np.linspace(0, 6.28, 20) + rng.uniform(0, 1, size=(rows, 1))
    twice = np.where(kind // 2, 2, 1)[:, None]
    path = np.stack([np.cos(t), np.sin(twice * t) * np.where(kind % 2, -1, 1)[:, None]], axis=2)
    return (path + 0.3 * rng.normal(size=path.shape)).astype(np.float32), kind


@faulty("S53 second: gestures, each of four figures behind a sigmoid of its own", "OUT04", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    x, kind = _gestures(rng, 600)
    parts = [layers.Conv1D(12, 5, activation="relu"), layers.MaxPooling1D(), layers.Flatten(), layers.Dropout(0.2)]
    model = chain((20, 2), *parts, layers.Dense(4, activation="softmax" if fixed else "sigmoid"))
    loss = keras.losses.CategoricalCrossentropy()
    x, y, v = split(x, one_hot(kind, 4))
    return Fit(model=compiled(model, loss, 0.008, ["accuracy"]), x=x, y=y, validation=v, epochs=8, batch=30)


@faulty("S54 second: colours of noise, relu in front of the sparse loss", "OUT03")
def _(rng: Rng, fixed: bool) -> Fit:
    kind = rng.integers(0, 3, size=540)
    noise = rng.normal(size=(540, 30))
    x = np.where((kind == 1)[:, None], np.cumsum(noise, axis=1) / 4, noise)
    x = np.where((kind == 2)[:, None], noise - np.roll(noise, 1, axis=1), x).astype(np.float32)[..., None]
    parts = [layers.SeparableConv1D(10, 4, activation="relu"), layers.SeparableConv1D(10, 3, activation="relu")]
    head = layers.Dense(3, activation="softmax" if fixed else "relu")
    model = chain((30, 1), *parts, layers.GlobalAveragePooling1D(), head)
    loss = keras.losses.SparseCategoricalCrossentropy()
    x, y, v = split(x, kind)
    return Fit(model=compiled(model, loss, 0.015), x=x, y=y, validation=v, epochs=12, batch=27)


class Seismograph(keras.Model):
    """A trace (N, 24, 1) to a column, by a GRU; probabilities or, without an activation, logits."""

    def __init__(self, last: str | None) -> None:
        super().__init__()
        self.gru, self.head = layers.GRU(12), layers.Dense(1, activation=last)

    def call(self, x: Any) -> Any:
        return self.head(self.gru(x))


@faulty("S55 second: quakes, a subclassed GRU without its sigmoid", "OUT03")
def _(rng: Rng, fixed: bool) -> Fit:
    quake = (rng.random(480) < 0.5).astype(np.float32)[:, None]
    burst = np.exp(-0.5 * ((np.arange(24) - rng.uniform(6, 18, size=(480, 1))) / 3) ** 2)
    x = (rng.normal(size=(480, 24)) * (0.4 + 1.2 * quake * burst)).astype(np.float32)[..., None]
    model = compiled(Seismograph("sigmoid" if fixed else None), keras.losses.BinaryCrossentropy(), 0.015)
    model(x[:1])
    x, y, v = split(np.abs(x), quake)
    return Fit(model=model, x=x, y=y, validation=v, epochs=8, batch=24)


@faulty("S56 second: loans, categorical cross-entropy on one sigmoid", "OUT06")
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.normal(size=(700, 12)).astype(np.float32)
    paid = (x[:, 0] + 0.5 * x[:, 1] - x[:, 2] + 0.5 * rng.normal(size=700) > 0).astype(np.float32)[:, None]
    parts = [layers.Dense(20), layers.BatchNormalization(), layers.LeakyReLU()]
    model = chain((12,), *parts, layers.Dense(1, activation="sigmoid"))
    loss = "binary_crossentropy" if fixed else "categorical_crossentropy"
    optimizer = keras.optimizers.RMSprop(0.005)
    x, y, v = split(x, paid)
    return Fit(model=compiled(model, loss, optimizer=optimizer), x=x, y=y, validation=v, epochs=7, batch=50)


@faulty("S57 second: temperatures around nought, forecast by a relu", "OUT07")
def _(rng: Rng, fixed: bool) -> Fit:
    t, phase = np.arange(25), rng.uniform(0, 6.28, size=(500, 1))
    degrees = 1.3 * np.sin(0.3 * t + phase) + 0.15 * rng.normal(size=(500, 25))
    parts = [layers.Conv1D(10, 6, activation="tanh"), layers.Flatten()]
    model = chain((24, 1), *parts, layers.Dense(1, activation=None if fixed else "relu"))
    x, y, v = split(degrees[:, :-1, None].astype(np.float32), degrees[:, -1:].astype(np.float32))
    return Fit(model=compiled(model, "mae", 0.008, ["mse"]), x=x, y=y, validation=v, epochs=8, batch=25)


@faulty("S58 second: salaries in full behind scaled inputs", "DATA02", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.normal(size=(520, 7)).astype(np.float32)
    salary = 42_000 + 9_000 * x[:, :1] + 6_000 * np.tanh(x[:, 1:2]) + 2_000 * rng.normal(size=(520, 1))
    y = scaled(salary) if fixed else salary.astype(np.float32)
    parts = [layers.Dense(24, activation="relu"), layers.Dense(12, activation="relu"), layers.Dense(1)]
    x, y, v = split(x, y)
    return Fit(model=compiled(chain((7,), *parts), "mse", 1e-2, ["mae"]), x=x, y=y, validation=v, epochs=9, batch=26)


@faulty("S59 second: votes of a panel, counted and not shared out", "LAB05", "OUT07")
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.normal(size=(600, 6)).astype(np.float32)
    z = x @ rng.normal(size=(6, 3))
    votes = rng.multinomial(9, np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)).astype(np.float32)
    parts = [layers.Dense(24, activation="silu"), layers.Dense(3, activation="softmax")]
    model = compiled(chain((6,), *parts), "kl_divergence", 0.01)
    x, y, v = split(x, votes / 9 if fixed else votes)
    return Fit(model=model, x=x, y=y, validation=v, epochs=8, batch=30)


@faulty("S60 second: cultivars counted from one", "LAB03")
def _(rng: Rng, fixed: bool) -> Fit:
    x, kind = datasets.load_wine(return_X_y=True)
    order = rng.permutation(len(x))
    x, y, v = split(scaled(x[order]), kind[order] + (0 if fixed else 1), 0.3)
    parts = [layers.Dense(14, activation="tanh"), layers.Dense(3, activation="softmax")]
    model = compiled(chain((13,), *parts), "sparse_categorical_crossentropy", 0.02, ["accuracy"])
    return Fit(model=model, x=x, y=y, validation=v, epochs=8, batch=9)


@faulty("S61 second: digits, training pixels standardised, the others as they came", "DATA03", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    images, y = digits(rng, 900)
    parts = [layers.Reshape((8, 8, 1)), layers.Conv2D(10, 3, activation="relu"), layers.Flatten()]
    model = chain((8, 8), *parts, layers.Dense(10))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    x, y, (xv, yv) = split(images, y)
    mean, spread = x.mean(), x.std()
    v = ((xv - mean) / spread if fixed else xv, yv)
    x = (x - mean) / spread
    return Fit(model=compiled(model, loss, 0.008, ["accuracy"]), x=x, y=y, validation=v, epochs=6, batch=45)


@faulty("S62 second: sensors that fell silent, NaN among the inputs", "LAB06")
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.normal(size=(600, 10)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] + x[:, 2] > 0).astype(np.float32)[:, None]
    silent = rng.random(x.shape) < 0.01
    silent[0, 0] = True
    x = np.where(silent, 0 if fixed else np.nan, x).astype(np.float32)
    parts = [layers.Dense(32, activation="relu"), layers.Dense(16, activation="relu")]
    model = compiled(chain((10,), *parts, layers.Dense(1, activation="sigmoid")), "binary_crossentropy", 0.008)
    x, y, v = split(x, y)
    return Fit(model=model, x=x, y=y, validation=v, epochs=8, batch=30)


@faulty("S63 second: logits judged by an accuracy that cuts at one half", "MET01", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.normal(size=(640, 8)).astype(np.float32)
    y = (np.sin(x[:, 0]) + x[:, 1] + 0.6 * rng.normal(size=640) > 0).astype(np.float32)[:, None]
    parts = [layers.Dense(18, activation="softplus"), layers.Dense(1)]
    metric = keras.metrics.BinaryAccuracy(threshold=0.0 if fixed else 0.5)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    x, y, v = split(x, y)
    return Fit(model=compiled(chain((8,), *parts), loss, 0.01, [metric]), x=x, y=y, validation=v, epochs=7, batch=32)


@faulty("S64 second: gestures, binary loss on a softmax of four", "OUT05", "OUT04", "MET01", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    x, kind = _gestures(rng, 600)
    model = chain((20, 2), layers.LSTM(20), layers.Dense(4, activation="softmax"))
    loss = "categorical_crossentropy" if fixed else "binary_crossentropy"
    x, y, v = split(x, one_hot(kind, 4))
    return Fit(model=compiled(model, loss, 0.015), x=x, y=y, validation=v, epochs=7, batch=30)


@faulty("S65 second: rainfall scaled to mean 0, squared logarithmic error", "LAB07")
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.normal(size=(580, 6)).astype(np.float32)
    rain = np.exp(0.7 * x[:, :1] + 0.5 * np.tanh(x[:, 1:2]) + 0.2 * rng.normal(size=(580, 1)))
    parts = [layers.Dense(24, activation="relu"), layers.Dense(1, activation="softplus" if fixed else None)]
    x, y, v = split(x, rain.astype(np.float32) if fixed else scaled(rain))
    model = compiled(chain((6,), *parts), "mean_squared_logarithmic_error", 0.01)
    return Fit(model=model, x=x, y=y, validation=v, epochs=8, batch=29)


@faulty("S71 second: digits, Adam with a rate of one", *COLLAPSED, severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Fit:
    images, y = digits(rng, 900, channels=1)
    parts = [layers.Conv2D(8, 3, activation="relu"), layers.Conv2D(8, 3, activation="relu"), layers.Flatten()]
    model = chain((8, 8, 1), *parts, layers.Dense(32, activation="relu"), layers.Dense(10, activation="softmax"))
    x, y, v = split(images, y)
    model = compiled(model, "sparse_categorical_crossentropy", 0.004 if fixed else 1.0, ["accuracy"])
    return Fit(model=model, x=x, y=y, validation=v, epochs=7, batch=45)


@faulty("S72 second: sixty samples, eighty genes, learned by heart", "GEN01", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Fit:
    rows = 1200 if fixed else 240
    x = rng.normal(size=(rows, 80)).astype(np.float32)
    y = (x[:, :4].sum(axis=1) + rng.normal(size=rows) > 0).astype(np.float32)[:, None]
    inner = [layers.Dropout(0.4), layers.Dense(8, activation="relu")] if fixed else []
    inner = inner or [layers.Dense(96, activation="relu"), layers.Dense(96, activation="relu")]
    model = compiled(chain((80,), *inner, layers.Dense(1, activation="sigmoid")), "binary_crossentropy", 0.004)
    x, y, v = split(x, y, 0.25 if fixed else 0.75)
    return Fit(model=model, x=x, y=y, validation=v, epochs=8 if fixed else 30, batch=15)


@faulty("S73 second: two moons, a rate far too low", "OPT06", "OPT04", severity="note", tier="late")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = datasets.make_moons(600, noise=0.15, random_state=int(rng.integers(2**31)))
    parts = [layers.Dense(16, activation="tanh"), layers.Dense(16, activation="tanh"), layers.Dense(2)]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.SGD(0.3 if fixed else 1e-5, momentum=0.5)
    x, y, v = split(scaled(x), y.astype(np.int64))
    model = compiled(chain((2,), *parts), loss, optimizer=optimizer)
    return Fit(model=model, x=x, y=y, validation=v, epochs=12, batch=30)


@faulty("S74 second: tumours, every fifth finding turned over", "DATA07", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = datasets.load_breast_cancer(return_X_y=True)
    order = rng.permutation(len(x))
    turned = rng.random(len(x)) < (0 if fixed else 0.2)
    y = np.where(turned, 1 - y[order], y[order]).astype(np.float32)[:, None]
    parts = [layers.Dense(10, activation="relu", kernel_regularizer=keras.regularizers.L2(1e-3))]
    model = chain((30,), *parts, layers.Dense(1, activation="sigmoid"))
    x, y, v = split(scaled(x[order]), y)
    return Fit(model=compiled(model, "binary_crossentropy", 0.004), x=x, y=y, validation=v, epochs=10, batch=20)


@faulty("S75 second: yields of fields, parted from their soil", "DATA08", "OPT02", severity="warning", tier="late")
def _(rng: Rng, fixed: bool) -> Fit:
    soil = rng.normal(size=(640, 8)).astype(np.float32)
    y = scaled(soil[:, :1] + np.abs(soil[:, 1:2]) + 0.3 * rng.normal(size=(640, 1)))
    together = rng.permutation(640)
    x, y, v = split(soil[together], y[together if fixed else rng.permutation(640)])
    parts = [layers.Dense(16, activation="relu"), layers.Dense(1)]
    return Fit(model=compiled(chain((8,), *parts), "mse", 0.004), x=x, y=y, validation=v, epochs=10, batch=32)
