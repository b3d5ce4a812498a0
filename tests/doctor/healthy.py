"""Healthy programs that naive rules flag, as arguments of ``check``: nothing is wrong with any of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .programs import (
    Array,
    Call,
    Make,
    Network,
    Rng,
    blobs,
    log_softmax,
    logits,
    numbers,
    relu,
    scores,
    sigmoid,
    softmax,
    values,
)

HEALTHY: dict[str, Make] = {}


def healthy(name: str) -> Callable[[Make], Make]:
    def add(make: Make) -> Make:
        HEALTHY[name] = make
        return make

    return add


def _yes(y: Array) -> Array:
    return (y % 2).astype(float)


def _classes(rng: Rng, trained: bool, classes: int = 5, rows: int = 128, **settings: Any) -> tuple[Array, Array, Array]:
    x, y = blobs(rng, rows=rows, classes=classes, **settings)
    return x, y, logits(rng, x, y, classes, trained)


@healthy("cross-entropy on logits")
def _(rng: Rng, trained: bool) -> Call:
    x, y, z = _classes(rng, trained, 10)
    return {"loss": "nn.CrossEntropyLoss", "prediction": z, "target": y, "inputs": x}


@healthy("log_softmax and the negative log-likelihood")
def _(rng: Rng, trained: bool) -> Call:
    _, y, z = _classes(rng, trained)
    return {"loss": "nn.NLLLoss", "prediction": log_softmax(z), "target": y}


@healthy("log_softmax and cross-entropy, which is the same")
def _(rng: Rng, trained: bool) -> Call:
    _, y, z = _classes(rng, trained)
    return {"loss": "nn.CrossEntropyLoss", "prediction": log_softmax(z), "target": y}


@healthy("label smoothing as soft rows")
def _(rng: Rng, trained: bool) -> Call:
    _, y, z = _classes(rng, trained)
    return {"loss": "nn.CrossEntropyLoss", "prediction": z, "target": 0.9 * np.eye(5)[y] + 0.02}


@healthy("mixed rows as soft labels")
def _(rng: Rng, trained: bool) -> Call:
    x, y = blobs(rng)
    share = rng.beta(0.4, 0.4, size=(len(y), 1))
    t = share * np.eye(5)[y] + (1 - share) * np.eye(5)[rng.permutation(y)]
    return {"loss": "categorical_crossentropy", "prediction": softmax(logits(rng, x, t, 5, trained)), "target": t}


@healthy("soft labels for yes and no")
def _(rng: Rng, trained: bool) -> Call:
    x, y = blobs(rng, classes=2)
    t = np.where(_yes(y) == 1, 0.95, 0.05)
    return {"loss": "nn.BCEWithLogitsLoss", "prediction": scores(rng, x, t, trained), "target": t}


@healthy("binary cross-entropy with a sigmoid")
def _(rng: Rng, trained: bool) -> Call:
    x, y = blobs(rng, classes=2)
    t = _yes(y)[:, None]
    return {"loss": "binary_crossentropy", "prediction": sigmoid(scores(rng, x, t, trained)), "target": t}


@healthy("binary loss on logits, Keras shapes (N, 1) and (N,)")
def _(rng: Rng, trained: bool) -> Call:
    x, y = blobs(rng, classes=2)
    z = scores(rng, x, _yes(y)[:, None], trained)
    return {"loss": "keras.losses.MeanSquaredError", "prediction": sigmoid(z), "target": _yes(y)}


@healthy("binary loss on logits with 60 % positives")
def _(rng: Rng, trained: bool) -> Call:
    x, y = blobs(rng, rows=256, classes=5)
    t = (y < 3).astype(float)
    return {"loss": "nn.BCEWithLogitsLoss", "prediction": scores(rng, x, t, trained), "target": t}


@healthy("small logits around a bias, barely trained")
def _(rng: Rng, trained: bool) -> Call:
    x, y = blobs(rng, rows=256, classes=5)
    z = 0.45 + 0.1 * rng.normal(size=256) * (1 + trained)
    return {"loss": "nn.BCEWithLogitsLoss", "prediction": z, "target": (y < 3).astype(float), "inputs": x}


@healthy("several labels per row")
def _(rng: Rng, trained: bool) -> Call:
    x, _ = blobs(rng)
    t = (x @ rng.normal(size=(10, 8)) > 1) * 1.0
    return {"loss": "binary_crossentropy", "prediction": sigmoid(scores(rng, x, t, trained)), "target": t}


@healthy("several rare labels per row, on logits")
def _(rng: Rng, trained: bool) -> Call:
    x, _ = blobs(rng)
    t = (rng.random((128, 20)) < 0.05) * 1.0
    return {"loss": "nn.BCEWithLogitsLoss", "prediction": scores(rng, x, t, trained), "target": t}


@healthy("two classes out of balance")
def _(rng: Rng, trained: bool) -> Call:
    x, t = numbers(rng, rows=512)
    y = (t[:, 0] > 1.2).astype(float)
    return {"loss": "nn.BCEWithLogitsLoss", "prediction": scores(rng, x, y, trained), "target": y}


@healthy("long tail of classes, few of them predicted at first")
def _(rng: Rng, trained: bool) -> Call:
    x, _ = blobs(rng, rows=400)
    y = np.minimum(rng.geometric(0.4, size=400) - 1, 9)
    return {"loss": "nn.CrossEntropyLoss", "prediction": logits(rng, x, y, 10, trained), "target": y}


@healthy("a batch of one class")
def _(rng: Rng, trained: bool) -> Call:
    _, y, z = _classes(rng, trained)
    only = y == 2
    return {"loss": "nn.CrossEntropyLoss", "prediction": z[only], "target": y[only]}


@healthy("a batch of positives, answered with certainty")
def _(rng: Rng, trained: bool) -> Call:
    z = rng.normal(size=(64, 1)).astype(np.float32) + (40 if trained else 0)
    return {"loss": "binary_crossentropy", "prediction": sigmoid(z), "target": np.ones((64, 1))}


@healthy("a batch of two rows")
def _(rng: Rng, trained: bool) -> Call:
    _, y, z = _classes(rng, trained, 10)
    return {"loss": "nn.CrossEntropyLoss", "prediction": z[:2], "target": y[:2]}


@healthy("one row")
def _(rng: Rng, trained: bool) -> Call:
    x, t = numbers(rng)
    return {"loss": "nn.MSELoss", "prediction": values(rng, x, t, trained)[:1], "target": t[:1], "inputs": x[:1]}


@healthy("regression, standardised")
def _(rng: Rng, trained: bool) -> Call:
    x, t = numbers(rng)
    return {"loss": "nn.MSELoss", "prediction": values(rng, x, t, trained), "target": t, "inputs": x}


@healthy("regression on a large scale that is right")
def _(rng: Rng, trained: bool) -> Call:
    x, t = numbers(rng)
    y = 30000 + 8000 * t
    p = 30000 + 8000 * values(rng, x, t, trained)
    return {"loss": "mse", "prediction": p, "target": y, "inputs": x}


@healthy("regression on raw inputs that works all the same")
def _(rng: Rng, trained: bool) -> Call:
    x, t = numbers(rng)
    return {"loss": "mse", "prediction": values(rng, x, t, trained), "target": t, "inputs": 400 * x + 1000}


@healthy("integer ratings as numbers")
def _(rng: Rng, trained: bool) -> Call:
    x, t = numbers(rng)
    y = np.clip(np.round(3 + t), 1, 5)
    return {"loss": "mse", "prediction": 3 + values(rng, x, t, trained), "target": y, "activation": "linear"}


@healthy("positive targets and a softplus")
def _(rng: Rng, trained: bool) -> Call:
    x, t = numbers(rng)
    p = np.log1p(np.exp(values(rng, x, t, trained)))
    return {"loss": "mse", "prediction": p, "target": np.exp(0.5 * t), "activation": "softplus"}


@healthy("counts, Poisson with an exponential")
def _(rng: Rng, trained: bool) -> Call:
    x, t = numbers(rng)
    counts = rng.poisson(np.exp(0.5 * t)).astype(float)
    return {"loss": "keras.losses.Poisson", "prediction": np.exp(0.5 * values(rng, x, t, trained)), "target": counts}


@healthy("counts, Poisson on log-rates")
def _(rng: Rng, trained: bool) -> Call:
    x, t = numbers(rng)
    counts = rng.poisson(np.exp(0.5 * t)).astype(float)
    return {"loss": "nn.PoissonNLLLoss", "prediction": 0.5 * values(rng, x, t, trained), "target": counts}


@healthy("counts with zeros and a relu")
def _(rng: Rng, trained: bool) -> Call:
    x, t = numbers(rng)
    counts = rng.poisson(np.exp(0.5 * t)).astype(float)
    p = relu(values(rng, x, t, trained) + 0.5)
    return {"loss": "mse", "prediction": p, "target": counts, "activation": "relu"}


@healthy("tanh output, targets in its range")
def _(rng: Rng, trained: bool) -> Call:
    x, t = numbers(rng)
    p = np.tanh(values(rng, x, t, trained))
    return {"loss": "mse", "prediction": p, "target": np.tanh(t), "activation": "tanh"}


@healthy("sigmoid output, proportions as targets")
def _(rng: Rng, trained: bool) -> Call:
    x, t = numbers(rng)
    p = sigmoid(values(rng, x, t, trained))
    return {"loss": "mse", "prediction": p, "target": sigmoid(2 * t), "activation": "sigmoid"}


@healthy("several targets")
def _(rng: Rng, trained: bool) -> Call:
    x, t = numbers(rng, outputs=4)
    return {"loss": "nn.SmoothL1Loss", "prediction": values(rng, x, t, trained), "target": t}


@healthy("quantile of skewed targets")
def _(rng: Rng, trained: bool) -> Call:
    x, t = numbers(rng)
    return {"loss": "lm.quantile", "prediction": values(rng, x, t, trained) + 1, "target": np.exp(t)}


@healthy("heteroscedastic regression")
def _(rng: Rng, trained: bool) -> Call:
    x, t = numbers(rng)
    noisy = t + np.abs(x[:, :1]) * rng.normal(size=t.shape)
    return {"loss": "nn.GaussianNLLLoss", "prediction": values(rng, x, t, trained), "target": noisy}


@healthy("heavy tails and Huber")
def _(rng: Rng, trained: bool) -> Call:
    x, t = numbers(rng)
    tails = t + 0.3 * rng.standard_t(1.5, size=t.shape)
    return {"loss": "huber", "prediction": values(rng, x, t, trained), "target": tails}


@healthy("autoencoder of standardised inputs")
def _(rng: Rng, trained: bool) -> Call:
    x, _ = numbers(rng, features=20)
    return {"loss": "nn.MSELoss", "prediction": values(rng, x, x, trained), "target": x, "inputs": x}


@healthy("autoencoder of images with the binary loss")
def _(rng: Rng, trained: bool) -> Call:
    x = rng.beta(0.5, 0.5, size=(16, 8, 8, 1))
    z = np.log(x / (1 - x)) + rng.normal(size=x.shape) if trained else 0.2 * rng.normal(size=x.shape)
    return {"loss": "binary_crossentropy", "prediction": sigmoid(z), "target": x, "inputs": x}


@healthy("autoencoder of black and white images with squared error")
def _(rng: Rng, trained: bool) -> Call:
    x = (rng.random((16, 8, 8, 1)) < 0.3) * 1.0
    p = np.clip(0.8 * x + 0.1, 0, 1) if trained else sigmoid(0.3 * rng.normal(size=x.shape))
    return {"loss": "mse", "prediction": p, "target": x, "inputs": x}


@healthy("adversarial game with squared error, patches of real images")
def _(rng: Rng, trained: bool) -> Call:
    z = rng.normal(size=(8, 1, 6, 6)) * 0.3 + (0.6 if trained else 0)
    return {"loss": "nn.MSELoss", "prediction": z, "target": np.full(z.shape, float(rng.integers(2)))}


@healthy("adversarial game with the binary loss, all real")
def _(rng: Rng, trained: bool) -> Call:
    z = rng.normal(size=(64, 1)) + (1 if trained else 0)
    return {"loss": "nn.BCEWithLogitsLoss", "prediction": z, "target": np.ones((64, 1))}


@healthy("ranking of pairs")
def _(rng: Rng, trained: bool) -> Call:
    better = rng.normal(size=64) + trained
    return {"loss": "lm.bradley_terry", "prediction": better, "target": rng.normal(size=64)}


@healthy("ranking of lists")
def _(rng: Rng, trained: bool) -> Call:
    grades = rng.integers(0, 5, size=(16, 10)).astype(float)
    return {"loss": "lm.lambda_rank", "prediction": rng.normal(size=(16, 10)) + trained * grades, "target": grades}


@healthy("contrastive embeddings")
def _(rng: Rng, trained: bool) -> Call:
    a = rng.normal(size=(32, 16))
    b = 0.9 * a + 0.1 * rng.normal(size=a.shape) if trained else rng.normal(size=a.shape)
    return {"loss": "lm.info_nce", "prediction": a, "target": b}


@healthy("cosines to class centres with a margin")
def _(rng: Rng, trained: bool) -> Call:
    y = rng.integers(0, 8, size=64)
    z = np.clip(0.1 * rng.normal(size=(64, 8)) + 0.6 * trained * np.eye(8)[y], -1, 1)
    return {"loss": "lm.angular_margin", "prediction": z, "target": y}


@healthy("hinge on signs")
def _(rng: Rng, trained: bool) -> Call:
    x, y = blobs(rng, classes=2)
    return {"loss": "lm.hinge", "prediction": scores(rng, x, _yes(y), trained), "target": 2 * _yes(y) - 1}


@healthy("hinge on 0 and 1, which Keras turns into signs")
def _(rng: Rng, trained: bool) -> Call:
    x, y = blobs(rng, classes=2)
    return {"loss": "keras.losses.Hinge", "prediction": scores(rng, x, _yes(y), trained), "target": _yes(y)}


@healthy("focal loss on logits, few objects")
def _(rng: Rng, trained: bool) -> Call:
    t = (rng.random((4, 200, 6)) < 0.01) * 1.0
    z = -4.6 + 0.05 * rng.normal(size=t.shape) + trained * 4 * t
    return {"loss": "lm.sigmoid_focal", "prediction": z, "target": t}


@healthy("bias at the prior, otherwise untrained")
def _(rng: Rng, trained: bool) -> Call:
    _x, y = blobs(rng, rows=256, classes=10)
    z = np.log(0.1 / 0.9) + 0.1 * rng.normal(size=(256, 1)) * (1 + trained)
    return {"loss": "nn.BCEWithLogitsLoss", "prediction": z, "target": (y == 0).astype(float)[:, None]}


@healthy("a last layer that starts at 0")
def _(rng: Rng, trained: bool) -> Call:
    _, y, z = _classes(rng, trained)
    return {"loss": "nn.CrossEntropyLoss", "prediction": z if trained else 0 * z, "target": y}


@healthy("a pretrained head, nearly perfect")
def _(rng: Rng, trained: bool) -> Call:
    y = rng.integers(0, 10, size=128)
    z = (14 if trained else 9) * np.eye(10)[y] + rng.normal(size=(128, 10))
    return {"loss": "nn.CrossEntropyLoss", "prediction": z, "target": y}


@healthy("probabilities, nearly perfect, float32")
def _(rng: Rng, trained: bool) -> Call:
    y = rng.integers(0, 10, size=128)
    z = (30 if trained else 12) * np.eye(10)[y] + rng.normal(size=(128, 10))
    return {"loss": "sparse_categorical_crossentropy", "prediction": softmax(z).astype(np.float32), "target": y}


@healthy("probabilities in half precision")
def _(rng: Rng, trained: bool) -> Call:
    _, y, z = _classes(rng, trained, 10)
    return {"loss": "sparse_categorical_crossentropy", "prediction": softmax(z).astype(np.float16), "target": y}


@healthy("logits in half precision")
def _(rng: Rng, trained: bool) -> Call:
    _, y, z = _classes(rng, trained, 10)
    return {"loss": "nn.CrossEntropyLoss", "prediction": z.astype(np.float16), "target": y}


@healthy("log-probabilities in half precision")
def _(rng: Rng, trained: bool) -> Call:
    _, y, z = _classes(rng, trained, 10)
    return {"loss": "nn.NLLLoss", "prediction": log_softmax(z).astype(np.float16), "target": y}


@healthy("probabilities rounded to two digits")
def _(rng: Rng, trained: bool) -> Call:
    _, y, z = _classes(rng, trained, 10)
    return {"loss": "lm.categorical_cross_entropy", "prediction": np.round(softmax(z), 2), "target": y}


@healthy("segmentation with an ignored border")
def _(rng: Rng, trained: bool) -> Call:
    y = np.repeat(np.repeat(rng.integers(0, 4, size=(2, 4, 4)), 4, axis=1), 4, axis=2)
    z = rng.normal(size=(2, 4, 16, 16)) + 3 * trained * np.moveaxis(np.eye(4)[y], -1, 1)
    y[:, 0] = -100
    return {"loss": "nn.CrossEntropyLoss", "prediction": z, "target": y}


@healthy("dice on probabilities, an empty mask among them")
def _(rng: Rng, trained: bool) -> Call:
    t = (rng.random((6, 64)) < 0.2) * 1.0
    t[0] = 0
    return {"loss": "lm.dice", "prediction": sigmoid(rng.normal(size=t.shape) + trained * (6 * t - 3)), "target": t}


@healthy("language model with ignored padding")
def _(rng: Rng, trained: bool) -> Call:
    tokens = rng.integers(1, 40, size=(32, 20))
    tokens[np.arange(20) >= rng.integers(5, 21, size=32)[:, None]] = -100
    z = rng.normal(size=(32, 40, 20)) + 4 * trained * np.moveaxis(np.eye(40)[np.maximum(tokens, 0)], -1, 1)
    return {"loss": "nn.CrossEntropyLoss", "prediction": z, "target": tokens}


@healthy("tags of words, mostly O")
def _(rng: Rng, trained: bool) -> Call:
    tags = np.where(rng.random((32, 20)) < 0.7, 0, rng.integers(1, 12, size=(32, 20)))
    z = rng.normal(size=(32, 20, 12)) + 3 * trained * np.eye(12)[tags]
    return {"loss": "sparse_categorical_crossentropy", "prediction": softmax(z), "target": tags}


@healthy("actions that are not allowed at minus infinity")
def _(rng: Rng, trained: bool) -> Call:
    _, y, z = _classes(rng, trained, 8)
    hidden = (rng.random(z.shape) < 0.3) & (np.eye(8)[y] == 0)
    return {"loss": "nn.CrossEntropyLoss", "prediction": np.where(hidden, -np.inf, z), "target": y}


@healthy("missing targets without weight")
def _(rng: Rng, trained: bool) -> Call:
    x, t = numbers(rng)
    p = values(rng, x, t, trained)[:, 0]
    y = np.where(rng.random(128) < 0.2, np.nan, t[:, 0])
    return {"loss": "mse", "prediction": p, "target": y, "weight": np.isfinite(y).astype(float)}


@healthy("missing inputs that the model fills in")
def _(rng: Rng, trained: bool) -> Call:
    x, t = numbers(rng)
    gaps = np.where(rng.random(x.shape) < 0.1, np.nan, x)
    return {"loss": "mse", "prediction": values(rng, np.nan_to_num(gaps), t, trained), "target": t, "inputs": gaps}


@healthy("distillation from a teacher")
def _(rng: Rng, trained: bool) -> Call:
    _x, y, z = _classes(rng, trained)
    return {"loss": "lm.distillation_kl", "prediction": z, "target": 5 * np.eye(5)[y] + rng.normal(size=z.shape)}


@healthy("divergence of log-probabilities")
def _(rng: Rng, trained: bool) -> Call:
    _, y, z = _classes(rng, trained)
    return {"loss": "nn.KLDivLoss", "prediction": log_softmax(z), "target": 0.8 * np.eye(5)[y] + 0.04}


@healthy("heat maps as distributions over all pixels")
def _(rng: Rng, trained: bool) -> Call:
    t = softmax(3 * rng.normal(size=(8, 64)))
    z = log_softmax(np.log(t) * trained + rng.normal(size=t.shape))
    return {"loss": "nn.KLDivLoss", "prediction": z.reshape(8, 8, 8), "target": t.reshape(8, 8, 8)}


@healthy("value of a state, discounted rewards")
def _(rng: Rng, trained: bool) -> Call:
    x, t = numbers(rng)
    return {"loss": "nn.SmoothL1Loss", "prediction": values(rng, x, t, trained)[:, 0], "target": 3 * t[:, 0] + 2}


@healthy("images from 0 to 1 through a fresh network")
def _(rng: Rng, trained: bool) -> Call:
    x = rng.random((64, 64))
    y = rng.integers(0, 10, size=64)
    net = Network(rng, 64, 10, layers=2, init="he" if trained else "torch")
    return {"loss": "nn.CrossEntropyLoss", "prediction": net(x), "target": y, "inputs": x}


@healthy("bytes that the model scales itself")
def _(rng: Rng, trained: bool) -> Call:
    x = rng.integers(0, 256, size=(64, 8, 8)).astype(np.uint8)
    y = rng.integers(0, 10, size=64)
    z = Network(rng, 64, 10, layers=2, init="he")(x.reshape(64, -1) / 255)
    return {"loss": "nn.CrossEntropyLoss", "prediction": z, "target": y, "inputs": x}


@healthy("token numbers as inputs of an embedding")
def _(rng: Rng, trained: bool) -> Call:
    x = rng.integers(0, 30000, size=(64, 12))
    _, y, z = _classes(rng, trained, 4, rows=64)
    return {"loss": "nn.CrossEntropyLoss", "prediction": z, "target": y, "inputs": x}


@healthy("an overfitted model on new rows")
def _(rng: Rng, trained: bool) -> Call:
    y = rng.integers(0, 5, size=200)
    z = 2.5 * rng.normal(size=(200, 5)) + 3 * np.eye(5)[y]
    return {"loss": "nn.CrossEntropyLoss", "prediction": z, "target": y}


@healthy("a loss of one's own, scores of classes and labels")
def _(rng: Rng, trained: bool) -> Call:
    _, y, z = _classes(rng, trained)
    return {"loss": lambda p, t: -p[np.arange(len(t)), t].mean(), "prediction": z, "target": y}


@healthy("two columns of softmax, two labels")
def _(rng: Rng, trained: bool) -> Call:
    _, y, z = _classes(rng, trained, 2)
    return {"loss": "categorical_crossentropy", "prediction": softmax(z), "target": np.eye(2)[y]}


@healthy("finished predictions of a good classifier")
def _(rng: Rng, trained: bool) -> Call:
    y = rng.integers(0, 5, size=1000)
    p = softmax(rng.normal(size=(1000, 5)))
    y = np.array([rng.choice(5, p=row) for row in p]) if trained else y
    p = p if trained else 0.7 * np.eye(5)[np.where(rng.random(1000) < 0.76, y, rng.integers(0, 5, 1000))] + 0.06
    return {"loss": "lm.categorical_cross_entropy", "prediction": p / p.sum(axis=1, keepdims=True), "target": y}


@healthy("finished predictions of a good regression")
def _(rng: Rng, trained: bool) -> Call:
    _x, t = numbers(rng, rows=400)
    p = t + 0.4 * rng.normal(size=t.shape)
    return {"loss": "mse", "prediction": p[:, 0], "target": t[:, 0], "stage": "finished"}


@healthy("finished, calibrated yes and no")
def _(rng: Rng, trained: bool) -> Call:
    p = rng.beta(1, 2, size=1500)
    return {
        "loss": "lm.binary_cross_entropy",
        "prediction": p,
        "target": (rng.random(1500) < p) * 1.0,
        "stage": "finished",
    }
