"""Healthy Keras programs that look suspicious: kept aside, written without sight of the rules."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from sklearn import datasets

from .data import Rng, digits, scaled, split
from .keras_fit import Fit, chain, compiled, layers
from .program import Shelf

SHELF = Shelf()
healthy = SHELF.healthy


@healthy("second: Keras, tumours, batch normalisation, stops early at the best weights")
def _(rng: Rng) -> Fit:
    x, y = datasets.load_breast_cancer(return_X_y=True)
    order = rng.permutation(len(x))
    parts = [layers.Dense(24), layers.BatchNormalization(), layers.ReLU(), layers.Dropout(0.3)]
    model = compiled(chain((30,), *parts, layers.Dense(1, activation="sigmoid")), "binary_crossentropy", 0.004)
    stop = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    x, y, v = split(scaled(x[order]), y[order].astype(np.float32)[:, None], 0.3)
    return Fit(model=model, x=x, y=y, validation=v, epochs=15, batch=16, callbacks=[stop])


@healthy("second: Keras, six defects in a hundred, first bias at their share")
def _(rng: Rng) -> Fit:
    x = rng.normal(size=(2000, 7)).astype(np.float32)
    y = (x[:, 0] + 0.7 * x[:, 1] ** 2 + 0.2 * rng.normal(size=2000) > 3.0).astype(np.float32)[:, None]
    share = float(y.mean())
    first = keras.initializers.Constant(float(np.log(share / (1 - share))))
    parts = [layers.Dense(24, activation="gelu"), layers.Dense(1, activation="sigmoid", bias_initializer=first)]
    metrics = [keras.metrics.AUC(curve="PR"), keras.metrics.Recall()]
    x, y, v = split(x, y)
    model = compiled(chain((7,), *parts), keras.losses.BinaryCrossentropy(), 0.008, metrics)
    return Fit(model=model, x=x, y=y, validation=v, epochs=7, batch=50)


def _ninth_decile(y: Any, p: Any) -> Any:
    over = ops.cast(y, p.dtype) - p
    return ops.mean(ops.maximum(0.9 * over, -0.1 * over), axis=-1)


@healthy("second: Keras, stock that lasts nine days in ten, above the mean on purpose")
def _(rng: Rng) -> Fit:
    x = rng.uniform(-1, 1, size=(800, 4)).astype(np.float32)
    y = scaled(np.exp(0.8 * x[:, :1]) * rng.gamma(4.0, 0.25, size=(800, 1)) + 0.5 * x[:, 1:2])
    parts = [layers.Dense(24, activation="relu"), layers.Dense(1)]
    x, y, v = split(x, y)
    return Fit(model=compiled(chain((4,), *parts), _ninth_decile, 0.01), x=x, y=y, validation=v, epochs=8, batch=40)


def _crps(y: Any, p: Any) -> Any:
    """Continuous ranked probability score of a normal distribution; mean and spread before its softplus in (N, 2)."""
    mean, spread = ops.split(p, 2, axis=-1)
    spread = ops.softplus(spread) + 1e-3
    z = (ops.cast(y, p.dtype) - mean) / spread
    density = ops.exp(-0.5 * ops.square(z)) / np.sqrt(2 * np.pi)
    return ops.mean(spread * (z * ops.erf(z / np.sqrt(2)) + 2 * density - 1 / np.sqrt(np.pi)), axis=-1)


@healthy("second: Keras, wind with its uncertainty, ranked probability score")
def _(rng: Rng) -> Fit:
    x = rng.uniform(-2, 2, size=(800, 3)).astype(np.float32)
    y = np.sin(1.5 * x[:, :1]) + 0.3 * x[:, 1:2] + 0.1 * np.exp(0.7 * x[:, 2:]) * rng.normal(size=(800, 1))
    parts = [layers.Dense(32, activation="silu"), layers.Dense(2)]
    x, y, v = split(x, y.astype(np.float32))
    return Fit(model=compiled(chain((3,), *parts), _crps, 0.015), x=x, y=y, validation=v, epochs=10, batch=40)


def _known(y: Any, p: Any) -> Any:
    """Binary cross-entropy of logits where the label is 0 or 1; -1 says that nobody looked."""
    y = ops.cast(y, p.dtype)
    known = ops.cast(y >= 0, p.dtype)
    each = ops.relu(p) - p * y + ops.softplus(-ops.abs(p))
    return ops.sum(each * known, axis=-1) / ops.maximum(ops.sum(known, axis=-1), 1.0)


@healthy("second: Keras, tags of which a third was never looked at, -1 in their place")
def _(rng: Rng) -> Fit:
    x = rng.normal(size=(800, 10)).astype(np.float32)
    y = (x @ rng.normal(size=(10, 6)) + rng.normal(size=(800, 6)) > 0).astype(np.float32)
    y[rng.random(y.shape) < 0.33] = -1
    parts = [layers.Dense(24, activation="relu"), layers.Dense(6)]
    x, y, v = split(x, y)
    return Fit(model=compiled(chain((10,), *parts), _known, 0.008), x=x, y=y, validation=v, epochs=7, batch=40)


@healthy("second: Keras, shares of clicks as soft targets of a binary loss")
def _(rng: Rng) -> Fit:
    x = rng.normal(size=(700, 6)).astype(np.float32)
    chance = 1 / (1 + np.exp(2.0 - x[:, :1] - 0.8 * x[:, 1:2] * x[:, 2:3]))
    y = (rng.binomial(25, chance) / 25).astype(np.float32)
    parts = [layers.Dense(24, activation="tanh"), layers.Dense(1, activation="sigmoid")]
    x, y, v = split(x, y)
    model = compiled(chain((6,), *parts), keras.losses.BinaryCrossentropy(), 0.01, ["mae"])
    return Fit(model=model, x=x, y=y, validation=v, epochs=8, batch=35)


@healthy("second: Keras, squared hinge of a bare linear output, signs as labels")
def _(rng: Rng) -> Fit:
    x, y = datasets.make_circles(700, noise=0.12, factor=0.4, random_state=int(rng.integers(2**31)))
    parts = [layers.Dense(24, activation="relu"), layers.Dense(1, kernel_regularizer=keras.regularizers.L2(1e-4))]
    x, y, v = split(scaled(x), (2 * y - 1).astype(np.float32)[:, None])
    return Fit(model=compiled(chain((2,), *parts), "squared_hinge", 0.01), x=x, y=y, validation=v, epochs=8, batch=35)


@healthy("second: Keras, a survey whose rows weigh one to nine")
def _(rng: Rng) -> Fit:
    x = rng.normal(size=(640, 6)).astype(np.float32)
    y = scaled(x[:, :1] - 0.5 * x[:, 1:2] + 0.5 * x[:, 2:3] * x[:, 3:4] + 0.4 * rng.normal(size=(640, 1)))
    weight = rng.choice([1.0, 3.0, 9.0], size=640).astype(np.float32)
    parts = [layers.Dense(20, activation="relu"), layers.Dense(1)]
    model = compiled(chain((6,), *parts), "mse", 0.006)
    cut = int(0.75 * len(x))
    weight = weight[:cut] / weight[:cut].mean()
    return Fit(model=model, x=x[:cut], y=y[:cut], validation=(x[cut:], y[cut:]), epochs=8, batch=32, weight=weight)


@healthy("second: Keras, few of many features hold in a sparse code")
def _(rng: Rng) -> Fit:
    code = rng.exponential(size=(700, 12)) * (rng.random((700, 12)) < 0.2)
    x = scaled(code @ rng.normal(size=(12, 30)) + 0.1 * rng.normal(size=(700, 30)))
    sparse = layers.Dense(24, activation="relu", activity_regularizer=keras.regularizers.L1(1e-3))
    model = chain((30,), layers.GaussianNoise(0.2), sparse, layers.Dense(30))
    x, y, v = split(x, x)
    return Fit(model=compiled(model, "mse", 0.01), x=x, y=y, validation=v, epochs=10, batch=35)


def _triplets(kind: Any, z: Any) -> Any:
    """Triplet loss of each row over all its pairs in the batch; classes (N, 1) beside vectors of length 1."""
    kind = ops.reshape(kind, (-1, 1))
    same = ops.cast(ops.equal(kind, ops.transpose(kind)), z.dtype)
    far = 2 - 2 * ops.matmul(z, ops.transpose(z))
    each = ops.relu(0.5 + far[:, :, None] - far[:, None, :])
    counted = same[:, :, None] * (1 - same[:, None, :])
    return ops.sum(each * counted, axis=(1, 2)) / ops.maximum(ops.sum(counted, axis=(1, 2)), 1.0)


@healthy("second: Keras, vectors of digits by all triplets of a batch, classes in place of targets")
def _(rng: Rng) -> Fit:
    x, y = digits(rng, 600)
    parts = [layers.Flatten(), layers.Dense(48, activation="relu"), layers.Dense(12), layers.UnitNormalization()]
    model = compiled(chain((8, 8), *parts), _triplets, 0.004)
    x, y, v = split(x, y[:, None])
    return Fit(model=model, x=x, y=y, validation=v, epochs=8, batch=50)


class Smooth(keras.Model):
    """A perceptron that is also charged for how fast its answer changes with its inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.last = layers.Dense(24, activation="tanh"), layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.last(self.inner(x))

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        value = super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)
        return value + 0.1 * ops.mean(ops.square(self(x + 0.1) - y_pred))


@healthy("second: Keras, compute_loss of one's own, smooth in its inputs")
def _(rng: Rng) -> Fit:
    x = rng.uniform(-2, 2, size=(640, 4)).astype(np.float32)
    y = scaled(np.sin(x[:, :1]) + x[:, 1:2] * x[:, 2:3] / 2 + 0.2 * rng.normal(size=(640, 1)))
    model = compiled(Smooth(), keras.losses.MeanSquaredError(), 0.015)
    model(x[:1])
    x, y, v = split(x, y)
    return Fit(model=model, x=x, y=y, validation=v, epochs=12, batch=32)


@healthy("second: Keras, batches of four, the rate climbs from a hundredth to 0.05")
def _(rng: Rng) -> Fit:
    images, y = digits(rng, 480)
    parts = [layers.Flatten(), layers.Dense(32, activation="relu"), layers.Dense(10, activation="softmax")]
    climb = keras.callbacks.LearningRateScheduler(lambda epoch, _: 0.05 * min(1.0, (epoch + 1) / 3) * 0.9**epoch)
    optimizer = keras.optimizers.SGD(0.01)
    x, y, v = split(images, y)
    model = compiled(chain((8, 8), *parts), "sparse_categorical_crossentropy", optimizer=optimizer)
    return Fit(model=model, x=x, y=y, validation=v, epochs=6, batch=4, callbacks=[climb])


@healthy("second: Keras, sums of marked numbers, GRU and clipped gradients")
def _(rng: Rng) -> Fit:
    value, mark = rng.uniform(0, 1, size=(900, 10)), np.zeros((900, 10))
    places = rng.random((900, 10)).argsort(axis=1)[:, :2]
    np.put_along_axis(mark, places, 1, axis=1)
    y = (value * mark).sum(axis=1, keepdims=True).astype(np.float32)
    model = chain((10, 2), layers.GRU(24), layers.Dense(1))
    optimizer = keras.optimizers.Adam(0.01, clipnorm=1.0)
    x, y, v = split(np.stack([value, mark], axis=2).astype(np.float32), y)
    return Fit(model=compiled(model, "mse", optimizer=optimizer), x=x, y=y, validation=v, epochs=12, batch=30)


@healthy("second: Keras, most frequent token, embedding and attention, padding masked")
def _(rng: Rng) -> Fit:
    liked = rng.integers(0, 4, size=(800, 1))
    words = np.where(rng.random((800, 12)) < 0.45, liked, rng.integers(0, 4, size=(800, 12))) + 4 * rng.integers(
        0, 5, size=(800, 12)
    )
    words = words + 1
    words[np.arange(12) >= rng.integers(6, 13, size=(800, 1))] = 0
    inputs = keras.Input((12,), dtype="int32")
    h = layers.Embedding(21, 16, mask_zero=True)(inputs)
    h = layers.GlobalAveragePooling1D()(layers.MultiHeadAttention(2, 8)(h, h) + h)
    model = keras.Model(inputs, layers.Dense(4)(h))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    x, y, v = split(words.astype(np.int32), liked[:, 0])
    return Fit(model=compiled(model, loss, 0.01, ["accuracy"]), x=x, y=y, validation=v, epochs=4, batch=40)


@healthy("second: Keras, logarithms of dwell times, heavy noise, absolute error, first bias at their middle")
def _(rng: Rng) -> Fit:
    x = rng.normal(size=(900, 5)).astype(np.float32)
    y = (3.0 + 0.6 * x[:, :1] - 0.4 * x[:, 1:2] + 0.9 * rng.laplace(size=(900, 1))).astype(np.float32)
    first = keras.initializers.Constant(3.0)
    parts = [layers.Dense(12, activation="selu"), layers.Dense(1, bias_initializer=first)]
    x, y, v = split(x, y)
    model = compiled(chain((5,), *parts), "mae", optimizer=keras.optimizers.Adamax(0.01))
    return Fit(model=model, x=x, y=y, validation=v, epochs=8, batch=45)
