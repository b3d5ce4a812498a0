"""Healthy Keras programs that look suspicious: a third set, by somebody who never saw the rules."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from sklearn import datasets

from .data import Rng, digits, one_hot, scaled, split
from .keras_fit import Fit, chain, compiled, dense, layers
from .program import Shelf

SHELF = Shelf()
healthy = SHELF.healthy


def _late_costs_more(y: Any, z: Any) -> Any:
    """Binary cross-entropy of bare outputs, what was late thrice as dear."""
    y = ops.cast(y, z.dtype)
    return keras.losses.binary_crossentropy(y, z, from_logits=True) * ops.mean(1 + 2 * y, axis=-1)


@healthy("third: Keras, late parcels, a loss of one's own around the one from logits")
def _(rng: Rng) -> Fit:
    x = rng.normal(size=(1400, 7)).astype(np.float32)
    y = (x[:, :1] + x[:, 1:2] * x[:, 2:3] + 0.3 * rng.normal(size=(1400, 1)) > 0.5).astype(np.float32)
    metric = keras.metrics.BinaryAccuracy(threshold=0.0)
    x, y, v = split(x, y)
    model = compiled(dense(7, 16, 1), _late_costs_more, 0.008, [metric])
    return Fit(model=model, x=x, y=y, validation=v, epochs=7, batch=40)


@healthy("third: Keras, one leak in twelve, focal loss of sigmoids")
def _(rng: Rng) -> Fit:
    leak = rng.random(1000) < 1 / 12
    x = rng.normal(size=(1000, 20, 1))
    x[leak, 6:14, 0] += 1.6
    parts = [layers.Conv1D(8, 5, activation="relu"), layers.GlobalMaxPooling1D()]
    model = chain((20, 1), *parts, layers.Dense(1, activation="sigmoid"))
    loss = keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True, alpha=0.75, gamma=2.0)
    x, y, v = split(x.astype(np.float32), leak.astype(np.float32)[:, None])
    return Fit(model=compiled(model, loss, 0.015, [keras.metrics.AUC()]), x=x, y=y, validation=v, epochs=8, batch=50)


@healthy("third: Keras, calls per hour, softplus and the loss poisson")
def _(rng: Rng) -> Fit:
    x = rng.normal(size=(800, 5)).astype(np.float32)
    count = rng.poisson(2 + 3 * np.abs(x[:, :1]) + x[:, 1:2] ** 2).astype(np.float32)
    x, y, v = split(x, count)
    model = compiled(dense(5, 24, 1, hidden="relu", last="softplus"), "poisson", 0.01)
    return Fit(model=model, x=x, y=y, validation=v, epochs=9, batch=40)


@healthy("third: Keras, rents by squared logarithmic error, softplus and a bias to begin with")
def _(rng: Rng) -> Fit:
    x = rng.normal(size=(700, 6)).astype(np.float32)
    rent = np.exp(1.5 + 0.5 * x[:, :1] + 0.4 * np.tanh(x[:, 1:2]) + 0.2 * rng.normal(size=(700, 1)))
    last = layers.Dense(1, activation="softplus", bias_initializer=keras.initializers.Constant(4.0))
    x, y, v = split(x, rent.astype(np.float32))
    model = compiled(chain((6,), layers.Dense(24, activation="relu"), last), "mean_squared_logarithmic_error", 0.015)
    return Fit(model=model, x=x, y=y, validation=v, epochs=9, batch=35)


@healthy("third: Keras, cultivars, categorical_hinge of a linear layer")
def _(rng: Rng) -> Fit:
    x, kind = datasets.load_wine(return_X_y=True)
    order = rng.permutation(len(x))
    x, y, v = split(scaled(x[order]), one_hot(kind[order], 3), 0.3)
    model = compiled(dense(13, 3), "categorical_hinge", 0.02, ["accuracy"])
    return Fit(model=model, x=x, y=y, validation=v, epochs=10, batch=12)


def _price_and_kind(y: Any, p: Any) -> Any:
    kind = ops.cast(y[:, 1], "int32")
    named = keras.losses.sparse_categorical_crossentropy(kind, p[:, 1:], from_logits=True)
    return named + 0.5 * ops.square(ops.cast(y[:, 0], p.dtype) - p[:, 0])


@healthy("third: Keras, a price and a kind from one layer, a loss that takes them apart")
def _(rng: Rng) -> Fit:
    kind = rng.integers(0, 3, size=1000)
    x = (rng.normal(size=(3, 8))[kind] + 0.7 * rng.normal(size=(1000, 8))).astype(np.float32)
    price = scaled(np.tanh(x[:, 0]) + 0.5 * kind + 0.2 * rng.normal(size=1000))
    x, y, v = split(x, np.stack([price, kind], axis=1).astype(np.float32))
    return Fit(model=compiled(dense(8, 32, 4), _price_and_kind, 0.008), x=x, y=y, validation=v, epochs=8, batch=35)


@healthy("third: Keras, ground seen from above, 255 where nobody knows, ignore_class")
def _(rng: Rng) -> Fit:
    i, j = np.mgrid[:10, :10]
    wave = np.sin(i * rng.uniform(0.3, 0.8, (240, 1, 1)) + j * rng.uniform(0.3, 0.8, (240, 1, 1)))
    ground = np.digitize(wave, [-0.4, 0.4])
    x = np.eye(3)[ground] @ rng.normal(size=(3, 2)) + 0.4 * rng.normal(size=(240, 10, 10, 2))
    ground[rng.random(ground.shape) < 0.1] = 255
    parts = [layers.Conv2D(10, 3, padding="same", activation="relu"), layers.Conv2D(3, 3, padding="same")]
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=255)
    x, y, v = split(x.astype(np.float32), ground.reshape(240, 100).astype(np.int32))
    model = compiled(chain((10, 10, 2), *parts, layers.Reshape((100, 3)), layers.Softmax()), loss, 0.015)
    return Fit(model=model, x=x, y=y, validation=v, epochs=7, batch=15)


@healthy("third: Keras, small spots, Tversky's index that forgives false alarms")
def _(rng: Rng) -> Fit:
    i, j = np.mgrid[:12, :12]
    at = rng.uniform(3, 9, size=(260, 2, 1, 1))
    spot = (i - at[:, 0]) ** 2 + (j - at[:, 1]) ** 2 < 4
    x = (spot + 0.35 * rng.normal(size=spot.shape))[..., None].astype(np.float32)
    parts = [layers.Conv2D(8, 3, padding="same", activation="relu"), layers.Conv2D(1, 3, padding="same")]
    model = chain((12, 12, 1), *parts, layers.Activation("sigmoid"))
    x, y, v = split(x, spot[..., None].astype(np.float32))
    loss = keras.losses.Tversky(alpha=0.3, beta=0.7)
    return Fit(model=compiled(model, loss, 0.015), x=x, y=y, validation=v, epochs=8, batch=13)


@healthy("third: Keras, orders of words, convolutions over an embedding, smoothed labels")
def _(rng: Rng) -> Fit:
    words = rng.integers(0, 20, size=(800, 10))
    pair = ((words[:, :-1] < 6) & (words[:, 1:] > 13)).any(axis=1)
    parts = [layers.Embedding(20, 10), layers.Conv1D(16, 2, activation="relu"), layers.GlobalMaxPooling1D()]
    model = chain((10,), *parts, layers.Dropout(0.2), layers.Dense(1, activation="sigmoid"))
    loss = keras.losses.BinaryCrossentropy(label_smoothing=0.1)
    x, y, v = split(words.astype(np.int32), pair.astype(np.float32)[:, None])
    return Fit(model=compiled(model, loss, 0.015, ["accuracy"]), x=x, y=y, validation=v, epochs=7, batch=40)


@healthy("third: Keras, steps of a walk, padded with -1 that a Masking layer skips")
def _(rng: Rng) -> Fit:
    step = rng.normal(size=(420, 10, 2))
    there = np.arange(10) < rng.integers(4, 11, size=(420, 1))
    y = scaled((step * there[..., None]).sum(axis=1))
    x = np.where(there[..., None], step, -1.0).astype(np.float32)
    parts = [layers.Masking(-1.0), layers.GRU(16), layers.Dense(2)]
    x, y, v = split(x, y)
    return Fit(model=compiled(chain((10, 2), *parts), "mae", 0.02), x=x, y=y, validation=v, epochs=6, batch=35)


@healthy("third: Keras, digits, Nesterov, a cosine that starts anew")
def _(rng: Rng) -> Fit:
    rate = keras.optimizers.schedules.CosineDecayRestarts(0.05, 30, t_mul=2.0, m_mul=0.8)
    optimizer = keras.optimizers.SGD(rate, momentum=0.9, nesterov=True)
    parts = [
        layers.Flatten(),
        layers.Dense(48, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Dropout(0.2),
    ]
    model = chain((8, 8), *parts, layers.Dense(10, activation="softmax"))
    x, y, v = split(*digits(rng, 1200))
    model = compiled(model, "sparse_categorical_crossentropy", metrics=["accuracy"], optimizer=optimizer)
    return Fit(model=model, x=x, y=y, validation=v, epochs=6, batch=40)


@healthy("third: Keras, a body that learned other digits, half of it dropped, better at validation")
def _(rng: Rng) -> Fit:
    x, y = digits(rng, 1500)
    known = y >= 5
    body = chain((8, 8), layers.Flatten(), layers.Dense(40, activation="relu"))
    first = compiled(keras.Sequential([body, layers.Dense(5, activation="softmax")]), "sparse_categorical_crossentropy")
    first.fit(x[known], y[known] - 5, batch_size=50, epochs=3, verbose=0)
    body.trainable = False
    parts = [body, layers.Dropout(0.5), layers.Dense(5, activation="softmax")]
    model = compiled(chain((8, 8), *parts), "sparse_categorical_crossentropy", 0.01, ["accuracy"])
    x, y, v = split(x[~known], y[~known])
    return Fit(model=model, x=x, y=y, validation=v, epochs=6, batch=30)


def _mixture(y: Any, p: Any) -> Any:
    """Minus the logarithm of a mixture of two normal densities; weights, means and spreads in (N, 6)."""
    weight, mean, spread = ops.split(p, 3, axis=-1)
    spread = ops.softplus(spread) + 0.02
    each = -0.5 * ops.square((ops.cast(y, p.dtype) - mean) / spread) - ops.log(spread) - 0.919
    return -ops.logsumexp(ops.log_softmax(weight, axis=-1) + each, axis=-1)


@healthy("third: Keras, there and back again, a mixture of two normals, below nought in the end")
def _(rng: Rng) -> Fit:
    x = rng.uniform(-1, 1, size=(900, 1)).astype(np.float32)
    y = (rng.choice([-1.0, 1.0], size=(900, 1)) * (0.6 + 0.3 * x) + 0.05 * rng.normal(size=(900, 1))).astype(np.float32)
    x, y, v = split(x, y)
    model = compiled(dense(1, 24, 24, 6, hidden="tanh"), _mixture, 0.005)
    return Fit(model=model, x=x, y=y, validation=v, epochs=12, batch=45)


@healthy("third: Keras, six symptoms, logits, thresholds of metrics at nought")
def _(rng: Rng) -> Fit:
    x = rng.normal(size=(800, 10)).astype(np.float32)
    y = (x @ rng.normal(size=(10, 6)) / 2 + np.linspace(-1.5, 0.5, 6) + 0.4 * rng.normal(size=(800, 6)) > 0).astype(
        np.float32
    )
    metrics = [keras.metrics.BinaryAccuracy(threshold=0.0), keras.metrics.AUC(from_logits=True, multi_label=True)]
    x, y, v = split(x, y)
    model = compiled(dense(10, 24, 6), keras.losses.BinaryCrossentropy(from_logits=True), 0.01, metrics)
    return Fit(model=model, x=x, y=y, validation=v, epochs=7, batch=40)


@healthy("third: Keras, digits, depthwise convolutions, swish, AdamW, soft labels of two")
def _(rng: Rng) -> Fit:
    x, y = digits(rng, 900, channels=1)
    soft = one_hot(y, 10)
    share, other = rng.beta(0.3, 0.3, size=(675, 1)).astype(np.float32), rng.permutation(675)
    mixed = share[..., None, None] * x[:675] + (1 - share[..., None, None]) * x[other]
    aim = share * soft[:675] + (1 - share) * soft[other]
    parts = [layers.Conv2D(8, 3), layers.Activation("swish"), layers.DepthwiseConv2D(3), layers.Activation("swish")]
    model = chain((8, 8, 1), *parts, layers.Flatten(), layers.Dense(10, activation="softmax"))
    optimizer = keras.optimizers.AdamW(0.01, weight_decay=0.004)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.05)
    model = compiled(model, loss, metrics=["accuracy"], optimizer=optimizer)
    return Fit(model=model, x=mixed, y=aim, validation=(x[675:], soft[675:]), epochs=8, batch=45)


@healthy("third: Keras, half stars of films as numbers, the first bias at their middle")
def _(rng: Rng) -> Fit:
    x = rng.normal(size=(800, 7)).astype(np.float32)
    star = 3.1 + 0.8 * x[:, :1] + 0.5 * np.tanh(x[:, 1:2] * x[:, 2:3]) + 0.4 * rng.normal(size=(800, 1))
    star = (np.round(2 * star) / 2).clip(0.5, 5).astype(np.float32)
    last = layers.Dense(1, bias_initializer=keras.initializers.Constant(3.0))
    model = chain((7,), layers.Dense(24, activation="relu"), last)
    x, y, v = split(x, star)
    return Fit(model=compiled(model, "mse", 0.008, ["mae"]), x=x, y=y, validation=v, epochs=8, batch=40)


@healthy("third: Keras, guests and rooms, a product of two vectors, two inputs")
def _(rng: Rng) -> Fit:
    guest, room = rng.normal(size=(30, 2)), rng.normal(size=(24, 2))
    who, what = rng.integers(0, 30, size=(2000, 1)), rng.integers(0, 24, size=(2000, 1))
    liked = (guest[who[:, 0]] * room[what[:, 0]]).sum(axis=1) + 0.4 * rng.normal(size=2000) > 0
    one, two = keras.Input((1,), dtype="int32"), keras.Input((1,), dtype="int32")
    a, b = layers.Flatten()(layers.Embedding(30, 3)(one)), layers.Flatten()(layers.Embedding(24, 3)(two))
    model = keras.Model([one, two], layers.Activation("sigmoid")(layers.Dot(axes=1)([a, b])))
    pairs, y = [who.astype(np.int32), what.astype(np.int32)], liked.astype(np.float32)[:, None]
    model = compiled(model, "binary_crossentropy", 0.02)
    valid = ([p[1500:] for p in pairs], y[1500:])
    return Fit(model=model, x=[p[:1500] for p in pairs], y=y[:1500], validation=valid, epochs=6, batch=40)


@healthy("third: Keras, thirty towns to tell apart, right among the first five")
def _(rng: Rng) -> Fit:
    town = rng.integers(0, 30, size=2000)
    x = (1.2 * rng.normal(size=(30, 12))[town] + rng.normal(size=(2000, 12))).astype(np.float32)
    metric = keras.metrics.SparseTopKCategoricalAccuracy(5)
    x, y, v = split(x, town)
    model = compiled(dense(12, 32, 30, last="softmax"), "sparse_categorical_crossentropy", 0.008, [metric])
    return Fit(model=model, x=x, y=y, validation=v, epochs=5, batch=45)


@healthy("third: Keras, litres of a reservoir, the model itself multiplies by their spread")
def _(rng: Rng) -> Fit:
    x = rng.normal(size=(700, 6)).astype(np.float32)
    litres = 5200 + 900 * np.tanh(x[:, :1] + 0.5 * x[:, 1:2] * x[:, 2:3]) + 150 * rng.normal(size=(700, 1))
    parts = [layers.Dense(24, activation="gelu"), layers.Dense(1), layers.Rescaling(700.0, offset=5200.0)]
    x, y, v = split(x, litres.astype(np.float32))
    return Fit(model=compiled(chain((6,), *parts), "mae", 0.01), x=x, y=y, validation=v, epochs=9, batch=35)


@healthy("third: Keras, signs of two moons, hinge behind a tanh")
def _(rng: Rng) -> Fit:
    x, y = datasets.make_moons(700, noise=0.2, random_state=int(rng.integers(2**31)))
    x, y, v = split(scaled(x), (2 * y - 1).astype(np.float32)[:, None])
    model = compiled(dense(2, 24, 24, 1, hidden="relu", last="tanh"), "hinge", 0.01)
    return Fit(model=model, x=x, y=y, validation=v, epochs=8, batch=35)


@healthy("third: Keras, thickness of sheets, half the variance is noise, the rate sinks when it rests")
def _(rng: Rng) -> Fit:
    x = rng.normal(size=(900, 8)).astype(np.float32)
    y = scaled(x[:, :1] + 0.6 * np.abs(x[:, 1:2]) + 1.1 * rng.normal(size=(900, 1)))
    calm = keras.callbacks.ReduceLROnPlateau(factor=0.3, patience=1, min_lr=1e-6)
    model = chain((8,), layers.Dense(8, activation="relu"), layers.Dropout(0.1), layers.Dense(1))
    x, y, v = split(x, y)
    return Fit(model=compiled(model, "mse", 0.01), x=x, y=y, validation=v, epochs=9, batch=45, callbacks=[calm])
