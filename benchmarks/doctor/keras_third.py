"""Keras faults between last layer, loss and labels, and their cures: a third set, its author never saw the rules."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from sklearn import datasets

from .data import Array, Rng, digits, one_hot, scaled, split
from .keras_fit import Fit, chain, compiled, dense, layers
from .program import Shelf

SHELF = Shelf()
faulty = SHELF.faulty


def _scars(rng: Rng, rows: int) -> tuple[Array, Array]:
    """Return scans (N, 12, 12, 1) with a bright scar across, and which pixels it covers, (N, 144)."""
    i, j = np.mgrid[:12, :12]
    slope, at = rng.uniform(-1, 1, size=(rows, 1, 1)), rng.uniform(3, 9, size=(rows, 1, 1))
    scar = np.abs(i - at - slope * (j - 6)) < 1.2
    scan = scar + 0.5 * rng.normal(size=scar.shape)
    return scan[..., None].astype(np.float32), scar.reshape(rows, 144).astype(np.float32)


@faulty("T61 third: scars, a sigmoid that is flattened on its way to from_logits=True", "OUT02")
def _(rng: Rng, fixed: bool) -> Fit:
    parts = [layers.Conv2D(8, 3, padding="same", activation="relu"), layers.Conv2D(1, 5, padding="same")]
    parts += [] if fixed else [layers.Activation("sigmoid")]
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    x, y, v = split(*_scars(rng, 260))
    model = compiled(chain((12, 12, 1), *parts, layers.Reshape((144,))), loss, 0.015)
    return Fit(model=model, x=x, y=y, validation=v, epochs=6, batch=13)


def _from_logits(y: Any, p: Any) -> Any:
    return keras.losses.sparse_categorical_crossentropy(y, p, from_logits=True)


@faulty("T62 third: digits by two heads, the mean of their softmaxes as logits", "OUT02")
def _(rng: Rng, fixed: bool) -> Fit:
    inputs = keras.Input((8, 8))
    flat = layers.Flatten()(inputs)
    last = None if fixed else "softmax"
    heads = [layers.Dense(10, activation=last)(layers.Dense(24, activation=a)(flat)) for a in ("relu", "tanh")]
    model = keras.Model(inputs, layers.Average()(heads))
    x, y, v = split(*digits(rng, 800))
    return Fit(model=compiled(model, _from_logits, 0.004), x=x, y=y, validation=v, epochs=6, batch=40)


@faulty("T63 third: forms of words and numbers, softmax over one unit", "OUT01", "PRED01")
def _(rng: Rng, fixed: bool) -> Fit:
    words, number = rng.integers(0, 25, size=(600, 5)).astype(np.int32), rng.normal(size=(600, 4)).astype(np.float32)
    fraud = ((words < 8).sum(axis=1) - 1.6 + number[:, 0] + 0.3 * rng.normal(size=600) > 0).astype(np.float32)
    one, two = keras.Input((5,), dtype="int32"), keras.Input((4,))
    read = layers.GlobalAveragePooling1D()(layers.Embedding(25, 8)(one))
    h = layers.Dense(16, activation="relu")(layers.Concatenate()([read, two]))
    model = keras.Model([one, two], layers.Dense(1, activation="sigmoid" if fixed else "softmax")(h))
    y = fraud[:, None]
    model = compiled(model, "binary_crossentropy", 0.015, ["accuracy"])
    valid = ([words[450:], number[450:]], y[450:])
    return Fit(model=model, x=[words[:450], number[:450]], y=y[:450], validation=valid, epochs=8, batch=30)


@faulty("T64 third: three moods of a melody, attention, no softmax before the sparse loss", "OUT03")
def _(rng: Rng, fixed: bool) -> Fit:
    mood = rng.integers(0, 3, size=600)
    tune = np.where(rng.random((600, 10)) < 0.6, 4 * mood[:, None], 4 * rng.integers(0, 3, size=(600, 10)))
    inputs = keras.Input((10,), dtype="int32")
    h = layers.Embedding(12, 12)(inputs)
    h = layers.LayerNormalization()(h + layers.Attention(use_scale=True)([h, h]))
    model = keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling1D()(h)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=fixed)
    x, y, v = split((tune + rng.integers(0, 4, size=tune.shape)).astype(np.int32), mood)
    return Fit(model=compiled(model, loss, 0.01, ["accuracy"]), x=x, y=y, validation=v, epochs=6, batch=30)


@faulty("T65 third: standardised genes rebuilt behind sigmoids", "OUT07")
def _(rng: Rng, fixed: bool) -> Fit:
    x = scaled(np.tanh(rng.normal(size=(640, 5)) @ rng.normal(size=(5, 24))) + 0.2 * rng.normal(size=(640, 24)))
    parts = [layers.Dense(16, activation="gelu"), layers.Dense(5), layers.Dense(16, activation="gelu")]
    model = chain((24,), *parts, layers.Dense(24, activation=None if fixed else "sigmoid"))
    x, y, v = split(x, x)
    return Fit(model=compiled(model, "mse", 0.01), x=x, y=y, validation=v, epochs=10, batch=32)


@faulty("T66 third: sides of a coin as -1 and 1 under a sigmoid", "LAB04", "OUT15")
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.normal(size=(600, 5)).astype(np.float32)
    side = np.where(x[:, :1] * x[:, 1:2] + 0.5 * x[:, 2:3] > 0, 1.0, 0.0 if fixed else -1.0).astype(np.float32)
    model = dense(5, 24, 24, 1, hidden="relu", last="sigmoid")
    x, y, v = split(x, side)
    return Fit(model=compiled(model, "binary_crossentropy", 0.01), x=x, y=y, validation=v, epochs=8, batch=30)


@faulty("T67 third: degrees of a thermostat as classes of the sparse loss", "OUT10", "LAB02", "LAB03")
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.normal(size=(640, 6)).astype(np.float32)
    degrees = 19.5 + 1.5 * x[:, :1] - x[:, 1:2] * x[:, 2:3] + 0.3 * rng.normal(size=(640, 1))
    last = layers.Dense(1) if fixed else layers.Dense(40, activation="softmax")
    model = chain((6,), layers.Dense(32, activation="relu"), last)
    loss = "mse" if fixed else "sparse_categorical_crossentropy"
    x, y, v = split(x, scaled(degrees) if fixed else degrees.astype(np.float32))
    return Fit(model=compiled(model, loss, 0.01), x=x, y=y, validation=v, epochs=8, batch=32)


@faulty("T68 third: birds by their names", "LAB08")
def _(rng: Rng, fixed: bool) -> Fit:
    kind = rng.integers(0, 3, size=480)
    x = (rng.normal(size=(3, 7))[kind] + 0.6 * rng.normal(size=(480, 7))).astype(np.float32)
    y = kind if fixed else np.array(["crow", "finch", "wren"])[kind]
    model = compiled(dense(7, 16, 3, last="softmax"), "sparse_categorical_crossentropy", 0.01)
    x, y, v = split(x, y)
    return Fit(model=model, x=x, y=y, validation=v, epochs=8, batch=24)


@faulty("T69 third: instruments that play together, categorical cross-entropy", "LAB05", "OUT04")
def _(rng: Rng, fixed: bool) -> Fit:
    plays = (rng.random((700, 5)) < [0.5, 0.4, 0.6, 0.3, 0.5]).astype(np.float32)
    x = plays @ rng.normal(size=(5, 20)) + 0.6 * rng.normal(size=(700, 20))
    model = dense(20, 24, 5, last="sigmoid" if fixed else "softmax")
    loss = keras.losses.BinaryCrossentropy() if fixed else keras.losses.CategoricalCrossentropy()
    x, y, v = split(scaled(x), plays)
    return Fit(model=compiled(model, loss, 0.008), x=x, y=y, validation=v, epochs=8, batch=35)


@faulty("T70 third: arrivals per minute, the loss poisson on a linear output", "LAB07", "NUM01", "OUT15", "OUT03")
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.normal(size=(720, 6)).astype(np.float32)
    count = rng.poisson(np.exp(0.3 + 0.6 * x[:, :1] - 0.5 * x[:, 1:2])).astype(np.float32)
    model = dense(6, 20, 1, hidden="tanh", last="exponential" if fixed else None)
    x, y, v = split(x, count)
    return Fit(model=compiled(model, "poisson", 0.006), x=x, y=y, validation=v, epochs=8, batch=36)


@faulty("T71 third: seven labels per picture, judged by categorical_accuracy", "MET01", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    x, y = datasets.make_multilabel_classification(
        640, 24, n_classes=7, n_labels=3, random_state=int(rng.integers(2**31))
    )[:2]
    metric = "binary_accuracy" if fixed else "categorical_accuracy"
    model = compiled(dense(24, 24, 7, last="sigmoid"), "binary_crossentropy", 0.006, [metric])
    x, y, v = split(scaled(x), y.astype(np.float32))
    return Fit(model=model, x=x, y=y, validation=v, epochs=7, batch=32)


@faulty("T72 third: a disease of one in twelve, the weights of the classes exchanged", "OUT19", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.normal(size=(1200, 8)).astype(np.float32)
    ill = (x[:, 0] + x[:, 1] - 0.5 * x[:, 2] + 0.6 * rng.normal(size=1200) > 2.2).astype(np.float32)[:, None]
    weight = {0: 0.55, 1: 6.0} if fixed else {0: 6.0, 1: 0.55}
    model = compiled(dense(8, 16, 1, last="sigmoid"), "binary_crossentropy", 0.006, [keras.metrics.Recall()])
    x, y, v = split(x, ill)
    return Fit(model=model, x=x, y=y, validation=v, epochs=8, batch=50, class_weight=weight)


@faulty("T73 third: wear of tools, validated on rows of the training", "DATA06", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.normal(size=(500, 10)).astype(np.float32)
    y = scaled(x[:, :1] * x[:, 1:2] + x[:, 2:3] + 0.7 * rng.normal(size=(500, 1)))
    cut = 350
    valid = (x[cut:], y[cut:]) if fixed else (x[:120], y[:120])
    parts = [layers.Dense(16, activation="relu"), layers.Dropout(0.1), layers.Dense(1)]
    return Fit(
        model=compiled(chain((10,), *parts), "mae", 0.008),
        x=x[:cut],
        y=y[:cut],
        validation=valid,
        epochs=8,
        batch=25,
    )


@faulty("T74 third: spam, Dropout as the last layer of all", "OUT16", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    words = (rng.random((700, 30)) < 0.2).astype(np.float32)
    spam = (words @ rng.normal(size=(30, 1)) + 0.3 * rng.normal(size=(700, 1)) > 0).astype(np.float32)
    parts = [layers.Dense(16, activation="relu"), layers.Dense(1, activation="sigmoid")]
    parts.insert(1 if fixed else 2, layers.Dropout(0.3))
    x, y, v = split(words, spam)
    model = compiled(chain((30,), *parts), "binary_crossentropy", 0.01, ["accuracy"])
    return Fit(model=model, x=x, y=y, validation=v, epochs=8, batch=35)


@faulty("T75 third: digits, tanh around the logits as around all other layers", "OUT08", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    parts = [layers.Flatten(), layers.Dense(48, activation="tanh"), layers.Dense(24, activation="tanh")]
    model = chain((8, 8), *parts, layers.Dense(10, activation=None if fixed else "tanh"))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    x, y, v = split(*digits(rng, 800))
    return Fit(model=compiled(model, loss, 0.006, ["accuracy"]), x=x, y=y, validation=v, epochs=7, batch=40)


@faulty("T76 third: phases of sleep, a softmax along the night", "OUT14")
def _(rng: Rng, fixed: bool) -> Fit:
    phase = (rng.integers(0, 4, size=(400, 1)) + np.cumsum(rng.random((400, 14)) < 0.25, axis=1)) % 4
    x = np.eye(4)[phase] @ rng.normal(size=(4, 5)) + 0.5 * rng.normal(size=(400, 14, 5))
    parts = [layers.Conv1D(12, 3, padding="same", activation="relu"), layers.Dense(4)]
    model = chain((14, 5), *parts, layers.Softmax(axis=-1 if fixed else 1))
    x, y, v = split(x.astype(np.float32), phase)
    return Fit(
        model=compiled(model, "sparse_categorical_crossentropy", 0.015), x=x, y=y, validation=v, epochs=6, batch=25
    )


@faulty("T77 third: next stops of buses, the empty rest of the row learned, too", "OUT17", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    line = 1 + (rng.integers(0, 12, size=(420, 1)) + rng.integers(1, 4, size=(420, 1)) * np.arange(21)) % 12
    line[np.arange(21) >= rng.choice([4, 5, 6, 21], p=[0.4, 0.3, 0.25, 0.05], size=(420, 1))] = 0
    parts = [layers.Embedding(13, 12), layers.Conv1D(32, 3, padding="causal", activation="relu"), layers.Dense(13)]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0 if fixed else None)
    x, y, v = split(line[:, :-1].astype(np.int32), line[:, 1:].astype(np.int32))
    return Fit(model=compiled(chain((20,), *parts), loss, 0.01), x=x, y=y, validation=v, epochs=6, batch=21)


@faulty("T78 third: every weight begins at nought", "INIT02", "INIT05", "OPT04", "PRED01", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    kind = rng.integers(0, 4, size=640)
    x = (rng.normal(size=(4, 8))[kind] + 0.7 * rng.normal(size=(640, 8))).astype(np.float32)
    first = "he_normal" if fixed else "zeros"
    inner = [layers.Dense(24, activation="relu", kernel_initializer=first) for _ in range(2)]
    model = chain((8,), *inner, layers.Dense(4, activation="softmax", kernel_initializer=first))
    x, y, v = split(x, one_hot(kind, 4))
    return Fit(model=compiled(model, "categorical_crossentropy", 0.01), x=x, y=y, validation=v, epochs=7, batch=32)


@faulty("T79 third: first weights with a spread of two", "INIT01", "ACT03", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    first = "glorot_normal" if fixed else keras.initializers.RandomNormal(stddev=2.0)
    sizes = [(64, "tanh"), (64, "tanh"), (10, "softmax")]
    parts = [layers.Dense(n, activation=a, kernel_initializer=first) for n, a in sizes]
    x, y, v = split(*digits(rng, 800))
    model = compiled(chain((8, 8), layers.Flatten(), *parts), "sparse_categorical_crossentropy", 0.003)
    return Fit(model=model, x=x, y=y, validation=v, epochs=6, batch=40)


@faulty("T80 third: weights of rows that were divided as whole numbers", "OUT19", "OPT04", "OUT18", severity="warning")
def _(rng: Rng, fixed: bool) -> Fit:
    x = rng.normal(size=(640, 6)).astype(np.float32)
    y = scaled(x[:, :1] - np.abs(x[:, 1:2]) + 0.4 * rng.normal(size=(640, 1)))
    asked = rng.integers(1, 9, size=640)
    weight = asked / asked.mean() if fixed else asked // 10
    x, y, v = split(x, y)
    model = compiled(dense(6, 24, 1), "mse", 0.01)
    return Fit(model=model, x=x, y=y, validation=v, epochs=8, batch=32, weight=weight[: len(x)].astype(np.float32))
