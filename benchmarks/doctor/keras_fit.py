"""A Keras program: a compiled model and its data; trains it with ``fit`` and asks the doctor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

import lossmith.keras as lk
from lossmith.doctor import check

from .judge import Opinion

layers = keras.layers


@dataclass(kw_only=True)
class Fit:
    """A model that is compiled, and what ``fit`` gets."""

    model: Any
    x: Any
    y: np.ndarray
    validation: tuple[Any, np.ndarray] | None = None
    epochs: int = 6
    batch: int = 64
    weight: np.ndarray | None = None
    class_weight: dict[int, float] | None = None
    callbacks: list[Any] = field(default_factory=list)


def chain(shape: tuple[int, ...], *parts: Any) -> Any:
    """Return a Sequential of layers, behind an input of this shape."""
    return keras.Sequential([keras.Input(shape), *parts])


def dense(features: int, *units: int, hidden: str = "relu", last: str | None = None) -> Any:
    """Return a perceptron."""
    inner = [layers.Dense(n, activation=hidden) for n in units[:-1]]
    return chain((features,), *inner, layers.Dense(units[-1], activation=last))


def compiled(model: Any, loss: Any, rate: float = 0.01, metrics: Sequence[Any] = (), optimizer: Any = None) -> Any:
    """Return the model, compiled for Adam or another optimiser; without XLA, which takes longer than the training."""
    chosen = keras.optimizers.Adam(rate) if optimizer is None else optimizer
    model.compile(optimizer=chosen, loss=loss, metrics=list(metrics), jit_compile=False)
    return model


def reuse(model: Any, fresh: Any) -> Any:
    """Return ``model`` in the state of ``fresh``, its twin by another seed: what TensorFlow has traced serves again."""
    model.set_weights(fresh.get_weights())
    for one in (model, fresh):
        if not one.optimizer.built:
            one.optimizer.build(one.trainable_variables)
    for old, new in zip(model.optimizer.variables, fresh.optimizer.variables, strict=True):
        old.assign(keras.ops.convert_to_numpy(new))
    return model


def examine(fit: Fit, epochs: int | None = None) -> Opinion:
    """Train the program and return what the doctor says of it."""
    opinion = Opinion()
    model, loss = fit.model, fit.model.loss
    x, y = _rows(fit.x, fit.batch), fit.y[: fit.batch]
    weight = _weights(fit, y) if fit.weight is None else fit.weight[: fit.batch]
    opinion.ask("batch", lambda: check(loss, _answers(model, x), y, _array(x), model, weight=weight))
    if fit.validation is not None and isinstance(fit.x, np.ndarray):
        opinion.ask("data", lambda: check(loss, None, fit.y, fit.x, validation=fit.validation))
    doctor = lk.Doctor(say=_silent)
    try:
        history = model.fit(
            fit.x,
            fit.y,
            batch_size=fit.batch,
            epochs=epochs or fit.epochs,
            validation_data=fit.validation,
            sample_weight=fit.weight,
            class_weight=fit.class_weight,
            callbacks=[*fit.callbacks, doctor],
            verbose=0,
        )
    except Exception as error:  # a fault of the program's: some frameworks refuse it
        opinion.raised = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        return opinion
    finally:
        opinion.ask("training", lambda: doctor.findings)
    v, t = fit.validation if fit.validation is not None else (fit.x, fit.y)
    known = {"weight": _weights(fit, t), "history": history, "stage": "finished"}
    opinion.ask("end", lambda: check(loss, _answers(model, v), t, _array(v), model, **known))
    return opinion


def _silent(text: str) -> None:
    """Say nothing: findings are read when the training is over."""


def _weights(fit: Fit, y: np.ndarray) -> np.ndarray | None:
    """Return the weight of each row by its class, as whoever gives ``class_weight`` knows it."""
    weights = fit.class_weight
    return None if weights is None else np.array([weights[int(k)] for k in y.reshape(len(y))], np.float32)


def _rows(x: Any, count: int) -> Any:
    return [a[:count] for a in x] if isinstance(x, list) else x[:count]


def _array(x: Any) -> Any:
    return x if isinstance(x, np.ndarray) else None


def _answers(model: Any, x: Any) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(x, training=False))
