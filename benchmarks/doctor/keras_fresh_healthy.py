"""Healthy Keras programs kept aside until the third recorded run, written without sight of the doctor."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops
from sklearn import datasets

from .data import Rng, digits, one_hot, scaled, split
from .keras_fit import Fit, chain, compiled, layers
from .program import Shelf

SHELF = Shelf()
healthy = SHELF.healthy


@healthy("fresh: Keras, a residual block, AdamW with a cosine schedule")
def _(rng: Rng) -> Fit:
    x, y = datasets.make_classification(
        1200, 20, n_informative=8, n_classes=3, class_sep=1.5, flip_y=0.03, random_state=int(rng.integers(2**31))
    )
    inputs = keras.Input((20,))
    h = layers.Dense(20)(inputs)
    inner = layers.Dropout(0.3)(layers.Dense(20, activation="relu")(layers.BatchNormalization()(h)))
    h = layers.Add()([h, layers.Dense(20)(inner)])
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.Activation("relu")(h)))
    schedule = keras.optimizers.schedules.CosineDecay(1e-4, 95, warmup_target=5e-3, warmup_steps=19)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.01)
    x, y, v = split(scaled(x), y.astype(np.int64))
    model = compiled(model, "sparse_categorical_crossentropy", metrics=["accuracy"], optimizer=optimizer)
    return Fit(model=model, x=x, y=y, validation=v, epochs=6, batch=48)


class Sampled(layers.Layer):
    """Mean and log-variance, side by side, to a draw; adds their divergence from the standard normal to the loss."""

    def __init__(self) -> None:
        super().__init__()
        self.seed = keras.random.SeedGenerator(1)

    def call(self, both: Any, training: bool = False) -> Any:
        mean, spread = ops.split(both, 2, axis=-1)
        divergence = 0.5 * ops.sum(ops.square(mean) + ops.exp(spread) - 1 - spread, axis=-1)
        self.add_loss(ops.mean(divergence) / 64)
        noise = keras.random.normal(ops.shape(mean), seed=self.seed)
        return mean + ops.exp(0.5 * spread) * noise if training else mean


@healthy("fresh: Keras, variational autoencoder, divergence by add_loss")
def _(rng: Rng) -> Fit:
    x, _ = digits(rng, 800)
    x, y, v = split(x.reshape(-1, 64), x.reshape(-1, 64))
    inner = [layers.Dense(48, activation="gelu"), layers.Dense(8), Sampled(), layers.Dense(48, activation="gelu")]
    model = chain((64,), *inner, layers.Dense(64, activation="sigmoid"))
    return Fit(model=compiled(model, "binary_crossentropy", 0.005), x=x, y=y, validation=v, epochs=8, batch=30)


def _pinball(y: Any, p: Any) -> Any:
    levels = ops.convert_to_tensor([0.05, 0.5, 0.95], dtype=p.dtype)
    over = ops.cast(y, p.dtype) - p
    return ops.mean(ops.maximum(levels * over, (levels - 1) * over), axis=-1)


@healthy("fresh: Keras, an interval by three quantiles, spread that grows")
def _(rng: Rng) -> Fit:
    x = rng.uniform(-2, 2, size=(800, 2)).astype(np.float32)
    y = np.sin(2 * x[:, :1]) + (0.2 + 0.3 * np.abs(x[:, 1:])) * rng.normal(size=(800, 1))
    parts = [layers.Dense(32, activation="tanh"), layers.Dense(32, activation="tanh"), layers.Dense(3)]
    x, y, v = split(x, y.astype(np.float32))
    return Fit(model=compiled(chain((2,), *parts), _pinball, 0.01), x=x, y=y, validation=v, epochs=8, batch=40)


def _tweedie(y: Any, p: Any) -> Any:
    y = ops.cast(y, p.dtype)
    return ops.mean(2 * y * ops.exp(-0.5 * p) + 2 * ops.exp(0.5 * p), axis=-1)


@healthy("fresh: Keras, claims of insurance, mostly nought, Tweedie of power 1.5")
def _(rng: Rng) -> Fit:
    x = rng.normal(size=(1500, 6)).astype(np.float32)
    number = rng.poisson(np.exp(-0.8 + 0.8 * x[:, 0]))
    amount = np.array([rng.gamma(2.0, 0.5, size=n).sum() for n in number]) * np.exp(0.4 * x[:, 1])
    parts = [layers.Dense(24, activation="selu", kernel_initializer="lecun_normal"), layers.Dense(1)]
    x, y, v = split(x, amount.astype(np.float32)[:, None])
    optimizer = keras.optimizers.RMSprop(0.003)
    model = compiled(chain((6,), *parts), _tweedie, optimizer=optimizer)
    return Fit(model=model, x=x, y=y, validation=v, epochs=8, batch=50)


class Words(layers.Layer):
    """Tokens (N, T) to the sum of what the word means and where it stands, (N, T, width)."""

    def __init__(self, words: int, length: int, width: int) -> None:
        super().__init__()
        self.words, self.places = layers.Embedding(words, width), layers.Embedding(length, width)

    def call(self, tokens: Any) -> Any:
        return self.words(tokens) + self.places(ops.arange(tokens.shape[1]))


@healthy("fresh: Keras, tags of words from attention, logits of every token")
def _(rng: Rng) -> Fit:
    words = rng.integers(2, 20, size=(500, 9))
    words[rng.random((500, 9)) < 0.08] = 1
    tags = words % 2 + (words == 1).any(axis=1, keepdims=True)  # the word 1 changes the tags of its whole sentence
    tags = np.where(rng.random((500, 9)) < 0.05, rng.integers(0, 3, size=(500, 9)), tags)
    inputs = keras.Input((9,), dtype="int32")
    h = Words(20, 9, 24)(inputs)
    h = layers.LayerNormalization()(h + layers.MultiHeadAttention(2, 12)(h, h))
    model = keras.Model(inputs, layers.Dense(3)(layers.Dense(32, activation="gelu")(h)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = keras.optimizers.Adam(0.01, clipnorm=1.0)
    x, y, v = split(words.astype(np.int32), tags.astype(np.int64))
    return Fit(model=compiled(model, loss, optimizer=optimizer), x=x, y=y, validation=v, epochs=4, batch=25)


def _dice(y: Any, p: Any) -> Any:
    y = ops.cast(y, p.dtype)
    both = ops.sum(y * p, axis=(1, 2, 3))
    return 1 - (2 * both + 1) / (ops.sum(y, axis=(1, 2, 3)) + ops.sum(p, axis=(1, 2, 3)) + 1)


@healthy("fresh: Keras, small U-Net on squares, Dice")
def _(rng: Rng) -> Fit:
    at, side = rng.integers(0, 6, size=(160, 2, 1, 1)), rng.integers(4, 7, size=(160, 1, 1))
    i, j = np.mgrid[:12, :12]
    mask = (i >= at[:, 0]) & (i < at[:, 0] + side) & (j >= at[:, 1]) & (j < at[:, 1] + side)
    image = (mask + 0.5 * rng.normal(size=mask.shape)).astype(np.float32)[..., None]
    inputs = keras.Input((12, 12, 1))
    high = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    low = layers.Conv2D(16, 3, padding="same", activation="relu")(layers.MaxPooling2D()(high))
    joined = layers.Concatenate()([high, layers.UpSampling2D()(low)])
    model = keras.Model(inputs, layers.Conv2D(1, 3, padding="same", activation="sigmoid")(joined))
    x, y, v = split(image, mask.astype(np.float32)[..., None])
    return Fit(model=compiled(model, _dice, 0.01), x=x, y=y, validation=v, epochs=8, batch=15)


@healthy("fresh: Keras, few positives, focal loss, recall and precision")
def _(rng: Rng) -> Fit:
    x = rng.normal(size=(2400, 10)).astype(np.float32)
    rare = (x[:, 0] + x[:, 1] * x[:, 2] + 0.3 * rng.normal(size=2400) > 2.0).astype(np.float32)[:, None]
    parts = [layers.Dense(24, activation="relu"), layers.Dense(16, activation="relu")]
    loss = keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True, alpha=0.75, gamma=2.0)
    model = chain((10,), *parts, layers.Dense(1, activation="sigmoid"))
    x, y, v = split(x, rare)
    watched = [keras.metrics.Precision(), keras.metrics.Recall()]
    return Fit(model=compiled(model, loss, 0.005, watched), x=x, y=y, validation=v, epochs=7)


def _contrastive(same: Any, distance: Any) -> Any:
    same = ops.cast(same, distance.dtype)
    return ops.mean(same * ops.square(distance) + (1 - same) * ops.square(ops.relu(1 - distance)), axis=-1)


@healthy("fresh: Keras, siblings with shared weights, contrastive loss of a distance")
def _(rng: Rng) -> Fit:
    images, label = digits(rng, 1200)
    one, other = images[:600].reshape(600, 64), images[600:].reshape(600, 64)
    mate = np.array([rng.choice(np.flatnonzero(label[600:] == k)) for k in label[:600]])
    mate = np.where(rng.random(600) < 0.5, mate, rng.integers(0, 600, size=600))
    same = (label[:600] == label[600:][mate]).astype(np.float32)[:, None]
    body = chain((64,), layers.Dense(48, activation="relu"), layers.Dense(12))
    a, b = keras.Input((64,)), keras.Input((64,))
    gap = ops.sum(ops.square(body(a) - body(b)), axis=-1, keepdims=True)
    model = compiled(keras.Model([a, b], ops.sqrt(gap + 1e-7)), _contrastive, 0.003)
    pairs = [one, other[mate]]
    x, v = [p[:450] for p in pairs], [p[450:] for p in pairs]
    return Fit(model=model, x=x, y=same[:450], validation=(v, same[450:]), epochs=8, batch=30)


def _gaussian(y: Any, p: Any) -> Any:
    mean, spread = ops.split(p, 2, axis=-1)
    return ops.mean(0.5 * (spread + ops.square(ops.cast(y, p.dtype) - mean) * ops.exp(-spread)), axis=-1)


@healthy("fresh: Keras, Gaussian likelihood below nought, averaged weights")
def _(rng: Rng) -> Fit:
    x = rng.uniform(-3, 3, size=(900, 1)).astype(np.float32)
    y = np.tanh(x) + 0.05 * (1 + np.exp(0.5 * x)) * rng.normal(size=(900, 1))
    parts = [layers.Dense(32, activation="silu"), layers.Dense(32, activation="silu"), layers.Dense(2)]
    optimizer = keras.optimizers.Adam(0.005, use_ema=True, ema_momentum=0.9, global_clipnorm=5.0)
    x, y, v = split(x, y.astype(np.float32))
    model = compiled(chain((1,), *parts), _gaussian, optimizer=optimizer)
    return Fit(model=model, x=x, y=y, validation=v, epochs=10, batch=45)


@healthy("fresh: Keras, grades in order, one sigmoid per threshold")
def _(rng: Rng) -> Fit:
    x, y = datasets.load_diabetes(return_X_y=True)
    order = rng.permutation(len(x))
    grade = np.searchsorted(np.quantile(y, [0.25, 0.5, 0.75]), y[order])
    above = (grade[:, None] > np.arange(3)).astype(np.float32)
    parts = [layers.GaussianNoise(0.1), layers.Dense(16, activation="relu", kernel_regularizer="l2")]
    model = chain((10,), *parts, layers.Dense(3, activation="sigmoid"))
    x, y, v = split(scaled(x[order]), above)
    model = compiled(model, keras.losses.BinaryCrossentropy(), 0.005, ["binary_accuracy"])
    return Fit(model=model, x=x, y=y, validation=v, epochs=10, batch=16)


@healthy("fresh: Keras, principal components as a frozen base, bfloat16")
def _(rng: Rng) -> Fit:
    images, y = digits(rng, 1000)
    x = images.reshape(-1, 64)
    mean = x[:750].mean(axis=0)
    axes = np.linalg.svd(x[:750] - mean, full_matrices=False)[2][:24].T
    base = layers.Dense(24, trainable=False)
    base.build((None, 64))
    base.set_weights([axes, -mean @ axes])
    policy = "mixed_bfloat16"
    head = [layers.Dense(32, activation="relu", dtype=policy), layers.Dense(10, dtype=policy)]
    model = chain((64,), base, *head, layers.Activation("softmax", dtype="float32"))
    x, y, v = split(x, one_hot(y, 10))
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    return Fit(model=compiled(model, loss, 0.01, ["accuracy"]), x=x, y=y, validation=v, epochs=6, batch=50)


@healthy("fresh: Keras, vectors of words by their angle, loss below nought")
def _(rng: Rng) -> Fit:
    x = rng.normal(size=(700, 12)).astype(np.float32)
    y = x @ rng.normal(size=(12, 6)) + 0.4 * np.tanh(x @ rng.normal(size=(12, 6))) + 1.5 * rng.normal(size=(700, 6))
    parts = [layers.Dense(32, activation="leaky_relu"), layers.Dense(6)]
    model = compiled(chain((12,), *parts), keras.losses.CosineSimilarity(), 0.005)
    x, y, v = split(x, y.astype(np.float32))
    return Fit(model=model, x=x, y=y, validation=v, epochs=8, batch=35)


@healthy("fresh: Keras, hardly anything to explain, logarithm of the hyperbolic cosine")
def _(rng: Rng) -> Fit:
    x = rng.normal(size=(1500, 6)).astype(np.float32)
    y = scaled(0.25 * x[:, :1] - 0.2 * x[:, 1:2] + rng.standard_t(5, size=(1500, 1)))
    parts = [layers.Dense(12, activation="tanh"), layers.Dropout(0.2), layers.Dense(1)]
    x, y, v = split(x, y)
    optimizer = keras.optimizers.Adam(0.003, gradient_accumulation_steps=2)
    model = compiled(chain((6,), *parts), "log_cosh", optimizer=optimizer)
    return Fit(model=model, x=x, y=y, validation=v, epochs=8, batch=25)
