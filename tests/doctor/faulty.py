"""Programs with a fault, and the same ones mended, as arguments of ``check``.

Names and faults follow public questions and bug reports, whose addresses stand in the rules; data and code are our own.
``make(rng, trained)`` returns the faulty call, ``mend`` the right one; ``owed`` are the codes that count as found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .programs import (
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


@dataclass(frozen=True, kw_only=True)
class Case:
    name: str
    owed: tuple[str, ...]
    make: Make
    mend: Make
    severity: str = "error"


CASES: list[Case] = []


def case(name: str, *owed: str, severity: str = "error") -> Any:
    """Add a case: the decorated function takes (rng, trained, mended) and returns the call."""

    def add(program: Any) -> Any:
        CASES.append(
            Case(
                name=name,
                owed=owed,
                severity=severity,
                make=lambda rng, trained: program(rng, trained, False),
                mend=lambda rng, trained: program(rng, trained, True),
            )
        )
        return program

    return add


def _yes(y: np.ndarray) -> np.ndarray:
    return (y % 2).astype(float)


@case("softmax over one unit, binary", "OUT01")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng)
    t = _yes(y)[:, None]
    z = scores(rng, x, t, trained)
    return {"loss": "binary_crossentropy", "prediction": sigmoid(z) if mended else softmax(z), "target": t}


@case("softmax over one unit, per time step", "OUT01")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng, rows=256)
    t = _yes(y)
    z = scores(rng, x, t, trained)
    p = sigmoid(z) if mended else np.ones_like(z)
    return {"loss": "binary_crossentropy", "prediction": p.reshape(32, 8, 1), "target": t.reshape(32, 8, 1)}


@case("softmax over one unit and squared error, binary", "OUT01", "PRED01")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng)
    t = _yes(y)[:, None]
    z = scores(rng, x, t, trained)
    loss = "binary_crossentropy" if mended else "mse"
    return {"loss": loss, "prediction": sigmoid(z) if mended else softmax(z), "target": t}


@case("softmax over one unit, regression", "OUT01", "OUT07")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, t = numbers(rng)
    z = values(rng, x, t, trained)
    return {"loss": "mse", "prediction": z if mended else softmax(z), "target": t if mended else 185 * t}


@case("categorical cross-entropy on one output", "OUT06", "LAB02", "OUT02")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng)
    z = logits(rng, x, y, 5, trained)
    if mended:
        return {"loss": "SparseCategoricalCrossentropy", "prediction": softmax(z), "target": y}
    return {"loss": "CategoricalCrossentropy", "prediction": sigmoid(z[:, :1]), "target": y[:, None]}


@case("torch cross-entropy on one output", "OUT06")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng, classes=2)
    z = logits(rng, x, y, 2, trained)
    return {"loss": "nn.CrossEntropyLoss", "prediction": z if mended else z[:, :1], "target": y if mended else 0 * y}


@case("sigmoid for exclusive classes", "OUT04", severity="warning")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng)
    z = logits(rng, x, y, 5, trained)
    return {
        "loss": "categorical_crossentropy",
        "prediction": softmax(z) if mended else sigmoid(z),
        "target": np.eye(5)[y],
    }


@case("sigmoid for exclusive classes, lossmith", "OUT04")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng, classes=3)
    z = logits(rng, x, y, 3, trained)
    return {
        "loss": "lm.categorical_cross_entropy",
        "prediction": softmax(z) if mended else sigmoid(z),
        "target": y,
    }


@case("relu output and binary cross-entropy", "OUT03")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng)
    t = _yes(y)[:, None]
    z = scores(rng, x, t, trained)
    activation = "sigmoid" if mended else "relu"
    p = sigmoid(z) if mended else relu(z)
    return {"loss": "binary_crossentropy", "prediction": p, "target": t, "activation": activation}


@case("relu output and categorical cross-entropy", "OUT03")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng, classes=3)
    z = logits(rng, x, y, 3, trained)
    return {
        "loss": "categorical_crossentropy",
        "prediction": softmax(z) if mended else relu(z),
        "target": np.eye(3)[y],
        "activation": "softmax" if mended else "relu",
    }


@case("relu before softmax", "OUT08", severity="warning")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng, classes=10)
    z = logits(rng, x, y, 10, trained)
    return {"loss": "nn.CrossEntropyLoss", "prediction": z if mended else relu(z), "target": y}


@case("linear output and binary cross-entropy", "OUT03")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng)
    t = _yes(y)[:, None]
    z = scores(rng, x, t, trained)
    loss = "sigmoid_cross_entropy" if mended else "binary_crossentropy"
    return {"loss": loss, "prediction": z, "target": t}


@case("sigmoids on exclusive classes with the binary loss", "OUT04", severity="warning")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng, classes=10)
    z = logits(rng, x, y, 10, trained)
    loss = "categorical_crossentropy" if mended else "binary_crossentropy"
    return {"loss": loss, "prediction": softmax(z) if mended else sigmoid(z), "target": np.eye(10)[y]}


@case("squared error on yes and no, relu output", "OUT09", severity="warning")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng)
    t = _yes(y)[:, None]
    z = scores(rng, x, t, trained)
    if mended:
        return {"loss": "binary_crossentropy", "prediction": sigmoid(z), "target": t}
    return {"loss": "mse", "prediction": 3 * relu(z) + 0.5, "target": t}


@case("sigmoid output, prices as targets", "OUT07", "DATA02")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, t = numbers(rng)
    prices = np.exp(8.5 + 0.9 * t)
    z = values(rng, x, t, trained)
    if mended:
        return {"loss": "mse", "prediction": z, "target": t, "activation": "linear"}
    return {"loss": "mse", "prediction": sigmoid(z), "target": prices, "activation": "sigmoid"}


@case("sigmoid output, targets from -1 to 1", "OUT07")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, t = numbers(rng)
    t = np.tanh(t)
    z = values(rng, x, t, trained)
    activation = "tanh" if mended else "sigmoid"
    p = np.tanh(z) if mended else sigmoid(z)
    return {"loss": "mse", "prediction": p, "target": t, "activation": activation}


@case("relu output, negative targets", "OUT07")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, t = numbers(rng)
    z = values(rng, x, t, trained)
    return {
        "loss": "mse",
        "prediction": z if mended else relu(z),
        "target": t,
        "activation": "linear" if mended else "relu",
    }


@case("relu autoencoder of standardised inputs", "OUT07")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, _ = numbers(rng, features=20)
    z = values(rng, x, x, trained)
    return {"loss": "mse", "prediction": z if mended else relu(z), "target": x, "inputs": x}


@case("poisson on signed targets, softmax output", "LAB07", "OUT07")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, t = numbers(rng, outputs=3)
    z = values(rng, x, t, trained)
    if mended:
        return {"loss": "mse", "prediction": z, "target": t}
    return {"loss": "poisson", "prediction": softmax(z), "target": t}


@case("unscaled inputs and targets", "DATA01", "DATA02", severity="warning")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, t = numbers(rng, features=4)
    raw, y = 500 * x + 1000, 700 * t + 2300
    if mended:
        return {"loss": "mse", "prediction": values(rng, x, t, trained), "target": t, "inputs": x}
    return {"loss": "mse", "prediction": values(rng, raw, y, False), "target": y, "inputs": raw}


@case("ten classes into one sigmoid", "LAB04", "OUT15", "DATA01")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng, classes=10)
    if mended:
        z = logits(rng, x, y, 10, trained)
        return {"loss": "SparseCategoricalCrossentropy", "prediction": softmax(z), "target": y}
    z = scores(rng, x, _yes(y)[:, None], trained)
    return {"loss": "binary_crossentropy", "prediction": sigmoid(50 * z), "target": y.astype(float)[:, None]}


@case("three classes, one sigmoid, categorical", "OUT06", "LAB02")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng, classes=3)
    z = logits(rng, x, y, 3, trained)
    if mended:
        return {"loss": "sparse_categorical_crossentropy", "prediction": softmax(z), "target": y}
    return {"loss": "categorical_crossentropy", "prediction": sigmoid(z[:, :1]), "target": y[:, None]}


@case("rows with negative parts as a distribution", "OUT07", "LAB05")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, t = numbers(rng, outputs=6)
    z = values(rng, x, t, trained)
    if mended:
        return {"loss": "kl_divergence", "prediction": softmax(z), "target": softmax(t)}
    return {
        "loss": "mae",
        "prediction": sigmoid(z),
        "target": t / t.sum(axis=1, keepdims=True),
        "activation": "sigmoid",
    }


@case("indices for a loss that takes rows", "LAB02")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng, classes=7)
    p = softmax(logits(rng, x, y, 7, trained))
    return {"loss": f"{'Sparse' if mended else ''}CategoricalCrossentropy", "prediction": p, "target": y}


@case("rows for a loss that takes indices", "LAB02")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng, classes=7)
    p = softmax(logits(rng, x, y, 7, trained))
    t = y if mended else np.eye(7)[y]
    return {"loss": "SparseCategoricalCrossentropy", "prediction": p, "target": t}


@case("labels divided by 255", "LAB02")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng, classes=10)
    p = softmax(logits(rng, x, y, 10, trained))
    return {"loss": "sparse_categorical_crossentropy", "prediction": p, "target": y if mended else y / 255}


@case("(N, 1) against (N,), squared error", "LAB01")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, t = numbers(rng)
    z = values(rng, x, t, trained)
    return {"loss": "nn.MSELoss", "prediction": z, "target": t if mended else t[:, 0]}


@case("(N, 1) against (N,), a loss of one's own", "LAB01")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, t = numbers(rng)
    z = values(rng, x, t, trained)
    return {"loss": lambda p, y: ((p - y) ** 2).mean(), "prediction": z, "target": t if mended else t[:, 0]}


@case("sigmoid, then the loss on logits", "OUT02")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng, classes=2)
    t = _yes(y)[:, None]
    z = scores(rng, x, t, trained)
    return {
        "loss": "nn.BCEWithLogitsLoss",
        "prediction": z if mended else sigmoid(z),
        "target": t,
        "activation": "linear" if mended else "sigmoid",
    }


@case("softmax, then the loss on logits", "OUT02")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng, classes=10)
    z = logits(rng, x, y, 10, trained)
    return {"loss": "nn.CrossEntropyLoss", "prediction": z if mended else softmax(z), "target": y}


@case("softmax, then from_logits, optax", "OUT02")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng, classes=3)
    z = logits(rng, x, y, 3, trained)
    p = z if mended else softmax(z)
    return {"loss": "optax.softmax_cross_entropy_with_integer_labels", "prediction": p, "target": y}


@case("masks of 0 and 255", "LAB04", "OUT15")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    mask = (rng.normal(size=(4, 1, 16, 16)) > 0.5) * 1.0
    z = rng.normal(size=mask.shape) + (4 * mask - 2 if trained else 0)
    return {"loss": "nn.BCEWithLogitsLoss", "prediction": z, "target": mask if mended else 255 * mask}


@case("signs for a binary loss", "LAB04")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng, classes=2)
    z = scores(rng, x, _yes(y), trained)
    return {"loss": "lm.sigmoid_cross_entropy", "prediction": z, "target": _yes(y) if mended else 2 * _yes(y) - 1}


@case("0 and 1 for a loss on signs", "LAB04")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng, classes=2)
    z = scores(rng, x, _yes(y), trained)
    return {"loss": "nn.SoftMarginLoss", "prediction": z, "target": 2 * _yes(y) - 1 if mended else _yes(y)}


@case("softmax over the batch", "OUT14")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng, classes=10)
    z = logits(rng, x, y, 10, trained)
    return {"loss": "nn.NLLLoss", "prediction": np.log(softmax(z, axis=1 if mended else 0)), "target": y}


@case("integer labels and one output, hugging face", "OUT09", "LAB02", severity="warning")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng, classes=2)
    z = logits(rng, x, y, 2, trained)
    if mended:
        return {"loss": "nn.CrossEntropyLoss", "prediction": z, "target": y}
    return {"loss": "nn.MSELoss", "prediction": 2 * z[:, 0], "target": y}


@case("negative log-likelihood on logits", "OUT11")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng)
    z = logits(rng, x, y, 5, trained)
    return {"loss": "nn.NLLLoss", "prediction": log_softmax(z) if mended else z, "target": y}


@case("negative log-likelihood on probabilities", "OUT11")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng)
    z = logits(rng, x, y, 5, trained)
    return {"loss": "F.nll_loss", "prediction": log_softmax(z) if mended else softmax(z), "target": y}


@case("divergence of probabilities", "OUT11")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng)
    z = logits(rng, x, y, 5, trained)
    t = 0.9 * np.eye(5)[y] + 0.02
    return {"loss": "nn.KLDivLoss", "prediction": log_softmax(z) if mended else softmax(z), "target": t}


@case("labels that count from 1", "LAB03")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng)
    return {"loss": "nn.CrossEntropyLoss", "prediction": logits(rng, x, y, 5, trained), "target": y + (not mended)}


@case("a label that means nothing", "LAB03")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng)
    z = logits(rng, x, y, 5, trained)
    t = np.where(np.arange(len(y)) % 9 == 0, -100 if mended else 255, y)
    return {"loss": "nn.CrossEntropyLoss", "prediction": z, "target": t}


@case("several labels for the loss of one", "LAB05")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, _ = blobs(rng)
    t = (rng.random((len(x), 5)) < 0.4) * 1.0
    z = scores(rng, x, t, trained)
    return {"loss": "nn.BCEWithLogitsLoss" if mended else "nn.CrossEntropyLoss", "prediction": z, "target": t}


@case("continuous targets for a binary loss", "OUT10")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, t = numbers(rng)
    z = values(rng, x, t, trained)
    return {"loss": "mse" if mended else "nn.BCEWithLogitsLoss", "prediction": z, "target": t}


@case("softmax on exclusive classes, binary loss", "OUT05", severity="warning")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng)
    p = softmax(logits(rng, x, y, 5, trained))
    loss = "categorical_crossentropy" if mended else "binary_crossentropy"
    return {"loss": loss, "prediction": p, "target": np.eye(5)[y]}


@case("prediction and target swapped", "OUT13")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng, classes=2)
    p, t = sigmoid(scores(rng, x, _yes(y), trained)), _yes(y)
    return {"loss": "lm.binary_cross_entropy", "prediction": p if mended else t, "target": t if mended else p}


@case("NaN in a target", "LAB06")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, t = numbers(rng)
    z = values(rng, x, t, trained)
    t = t.copy()
    t[7] = 0.0 if mended else np.nan
    return {"loss": "nn.MSELoss", "prediction": z, "target": t}


@case("NaN in the inputs", "LAB06")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, t = numbers(rng)
    x = x.copy()
    x[3, 2] = 0.0 if mended else np.nan
    z = values(rng, np.nan_to_num(x), t, trained)
    z[3] = z[3] if mended else np.nan
    return {"loss": "nn.MSELoss", "prediction": z, "target": t, "inputs": x}


@case("NaN in the predictions", "NUM01")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng)
    z = logits(rng, x, y, 5, trained)
    z[5:] = z[5:] if mended else np.nan
    return {"loss": "nn.CrossEntropyLoss", "prediction": z, "target": y}


@case("names as labels", "LAB08")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng, classes=3)
    z = logits(rng, x, y, 3, trained)
    return {"loss": "nn.CrossEntropyLoss", "prediction": z, "target": y if mended else np.array(["a", "b", "c"])[y]}


@case("percentage error of zeros", "LAB07")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, t = numbers(rng)
    t = np.maximum(np.round(2 * t), 0.5 if mended else 0.0)
    return {"loss": "mape", "prediction": values(rng, x, t, trained), "target": t}


@case("poisson with negative predictions", "LAB07")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, t = numbers(rng)
    counts = rng.poisson(np.exp(0.5 * t)).astype(float)
    z = values(rng, x, t, trained)
    return {"loss": "keras.losses.Poisson", "prediction": np.exp(0.5 * z) if mended else z, "target": counts}


@case("padding in the mean", "OUT17", severity="warning")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    tokens = rng.integers(1, 40, size=(32, 20))
    lengths = rng.integers(5, 21, size=32)
    tokens[np.arange(20) >= lengths[:, None]] = 0
    z = rng.normal(size=(32, 20, 40))
    if trained:
        z += 4 * np.eye(40)[tokens]
    weight = {"weight": (tokens != 0).astype(float)} if mended else {}
    return {"loss": "sparse_categorical_crossentropy", "prediction": softmax(z), "target": tokens, **weight}


@case("a first loss far above guessing: pixels", "INIT01", "DATA01", severity="warning")
def _(rng: Rng, trained: bool, mended: bool) -> Call:
    x, y = blobs(rng, classes=10, features=64)
    pixels = np.clip(128 + 50 * x, 0, 255)
    if mended:
        pixels = (pixels - 128) / 50
    z = Network(rng, 64, 10, init="he", layers=2)(pixels)
    return {"loss": "nn.CrossEntropyLoss", "prediction": z, "target": y, "inputs": pixels}
