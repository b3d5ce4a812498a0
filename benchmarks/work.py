"""What is measured: losses as each framework's users write them, on data that all of them share.

A `Work` is one loss at one size and dtype. ``contenders`` gives, for each framework that is installed, the forward pass
and the forward and backward pass as functions without arguments; they return once the numbers are there.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import lossmith as lm

from . import shapes

Step = Callable[[], object]


@dataclass(frozen=True)
class Work:
    """One loss at one size."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    target: str = "like"  # "labels", "rows" of probabilities, "logits" of a teacher, or "like" the prediction

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Return prediction and target in float32; labels in int64."""
        rng = np.random.default_rng(0)
        prediction = rng.standard_normal(self.shape, np.float32)
        if self.target == "labels":
            return prediction, rng.integers(0, self.shape[1], self.shape[0])
        if self.target == "logits":
            return prediction, rng.standard_normal(self.shape, np.float32)
        if self.target == "rows":
            rows = np.exp(rng.standard_normal(self.shape, np.float32))
            return prediction, rows / rows.sum(axis=1, keepdims=True)
        return prediction, rng.random(self.shape, np.float32)

    @property
    def bytes_moved(self) -> tuple[int, int]:
        """The least that must be read and written by a forward pass, and by forward and backward."""
        size = int(np.prod(self.shape)) * (2 if self.dtype == "bfloat16" else 4)
        reads = size if self.target == "labels" else 2 * size
        return reads, reads + size


def works(quick: bool) -> Iterator[Work]:
    """All that is measured, small before large."""
    for shape in shapes.SMALL_STEPS:
        yield Work("softmax_cross_entropy", shape, target="labels")
    for shape in shapes.SMALL_ELEMENTS:
        yield Work("squared_error", shape)
    for shape in shapes.QUICK_ROWS_AND_CLASSES if quick else shapes.ROWS_AND_CLASSES:
        for dtype in ("float32", "bfloat16"):
            yield Work("softmax_cross_entropy", shape, dtype, "labels")
        if shape[1] in (1_000, 32_000):
            yield Work("softmax_cross_entropy", shape, target="rows")
            yield Work("distillation_kl", shape, target="logits")
    for count in shapes.QUICK_ELEMENTS if quick else shapes.ELEMENTS:
        for name in ("squared_error", "huber", "log_cosh", "sigmoid_cross_entropy"):
            yield Work(name, (count,))


def contenders(work: Work, compilers: bool) -> dict[str, tuple[Step, Step]]:
    """Return (forward, forward and backward) of each way to do the work; ``compilers`` adds those that take minutes."""
    found: dict[str, tuple[Step, Step]] = {}
    makers = {"torch": _torch, "jax": _jax, "tensorflow": _tensorflow}
    if work.dtype == "float32":
        found |= _numpy(work)
    for package, make in makers.items():
        if importlib.util.find_spec(package) is not None:
            found |= make(work, compilers)
    return found


def _numpy(work: Work) -> dict[str, tuple[Step, Step]]:
    prediction, target = work.arrays()
    loss = lm.get(work.name)
    return {
        "lossmith numpy": (lambda: loss(prediction, target), lambda: loss.value_and_gradient(prediction, target)),
    }


def _torch(work: Work, compilers: bool) -> dict[str, tuple[Step, Step]]:
    import torch

    import lossmith.torch.functional as ours

    theirs: Any = torch.nn.functional
    names = {
        "softmax_cross_entropy": "cross_entropy",
        "squared_error": "mse_loss",
        "huber": "huber_loss",
        "sigmoid_cross_entropy": "binary_cross_entropy_with_logits",
    }

    def log_cosh(x: Any, y: Any) -> Any:
        d = x - y
        return (d + theirs.softplus(-2 * d) - 0.6931471805599453).mean()

    def kl(x: Any, y: Any) -> Any:
        return theirs.kl_div(theirs.log_softmax(x, 1), theirs.log_softmax(y, 1), reduction="batchmean", log_target=True)

    prediction, target = work.arrays()
    x = torch.from_numpy(prediction).to(getattr(torch, work.dtype)).requires_grad_()
    y = torch.from_numpy(target)
    y = y if work.target == "labels" else y.to(x.dtype)
    name = names.get(work.name)
    eager = {"log_cosh": log_cosh, "distillation_kl": kl}[work.name] if name is None else getattr(theirs, name)

    def steps(function: Callable[..., Any]) -> tuple[Step, Step]:
        def forward() -> object:
            with torch.no_grad():
                return function(x, y)

        def both() -> object:
            x.grad = None
            function(x, y).backward()
            return x.grad

        return forward, both

    loss = lm.get(work.name)
    found = {
        "lossmith torch": steps(loss if name is None else getattr(ours, name)),
        "torch eager": steps(eager),
    }
    if work.shape in shapes.SMALL_STEPS + shapes.SMALL_ELEMENTS:
        plain = x.detach()
        found["lossmith torch, value_and_gradient"] = (
            lambda: loss(plain, y),
            lambda: loss.value_and_gradient(plain, y),
        )
    if compilers:
        found["torch compile"] = steps(torch.compile(eager))
    return found


def _mean_loss(
    work: Work, xp: Any, softmax: Callable[..., Any], softplus: Callable[..., Any], kl: Callable[..., Any]
) -> Callable[..., Any]:
    """The loss as one writes it in a framework whose array functions are like NumPy's."""
    return {
        "squared_error": lambda x, y: xp.mean((x - y) ** 2),
        "huber": lambda x, y: xp.mean(xp.where(xp.abs(x - y) < 1, 0.5 * (x - y) ** 2, xp.abs(x - y) - 0.5)),
        "log_cosh": lambda x, y: xp.mean(x - y + softplus(-2 * (x - y)) - 0.6931471805599453),
        "sigmoid_cross_entropy": lambda x, y: xp.mean(softplus(x) - x * y),
        "softmax_cross_entropy": softmax,
        "distillation_kl": kl,
    }[work.name]


def _jax(work: Work, compilers: bool) -> dict[str, tuple[Step, Step]]:
    import jax
    import jax.numpy as jnp

    def softmax(x: Any, y: Any) -> Any:
        log_p = jax.nn.log_softmax(x)
        if work.target == "labels":
            return -jnp.mean(jnp.take_along_axis(log_p, y[:, None], axis=1))
        return -jnp.mean(jnp.sum(y * log_p, axis=1))

    def kl(x: Any, y: Any) -> Any:
        theirs = jax.nn.log_softmax(y)
        return jnp.mean(jnp.sum(jnp.exp(theirs) * (theirs - jax.nn.log_softmax(x)), axis=1))

    def steps(loss: Callable[..., Any]) -> tuple[Step, Step]:
        forward, both = jax.jit(loss), jax.jit(jax.value_and_grad(loss))
        return lambda: wait(forward(x, y)), lambda: wait(both(x, y))

    prediction, target = work.arrays()
    x, y = jnp.asarray(prediction, work.dtype), jnp.asarray(target)
    wait = jax.block_until_ready
    found = {"jax jit": steps(_mean_loss(work, jnp, softmax, jax.nn.softplus, kl))}
    if work.target == "labels":
        import lossmith.jax as lj

        found["lossmith jax"] = steps(lambda x, y: lj.softmax_cross_entropy_with_integer_labels(x, y).mean())
    return found


def _tensorflow(work: Work, compilers: bool) -> dict[str, tuple[Step, Step]]:
    import tensorflow as tf

    def softmax(x: Any, y: Any) -> Any:
        if work.target == "labels":
            return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, x))
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(y, x))

    def kl(x: Any, y: Any) -> Any:
        theirs = tf.nn.log_softmax(y)
        return tf.reduce_mean(tf.reduce_sum(tf.exp(theirs) * (theirs - tf.nn.log_softmax(x)), axis=1))

    class Functions:
        mean, where, abs = staticmethod(tf.reduce_mean), staticmethod(tf.where), staticmethod(tf.abs)

    prediction, target = work.arrays()
    x, y = tf.cast(tf.constant(prediction), work.dtype), tf.constant(target)

    def steps(loss: Callable[..., Any], **options: Any) -> tuple[Step, Step]:
        def both(x: Any, y: Any) -> Any:
            with tf.GradientTape() as tape:
                tape.watch(x)
                value = loss(x, y)
            return value, tape.gradient(value, x)

        first, second = tf.function(loss, **options), tf.function(both, **options)
        return lambda: first(x, y).numpy(), lambda: second(x, y)[0].numpy()

    loss = _mean_loss(work, Functions, softmax, tf.nn.softplus, kl)
    found = {"tf graph": steps(loss), "tf xla": steps(loss, jit_compile=True)}
    if work.target == "labels" and importlib.util.find_spec("keras") is not None:
        os.environ["KERAS_BACKEND"] = "tensorflow"  # read by the first import of Keras
        import keras

        import lossmith.keras as lk

        for name, package in {"keras on tf": keras.losses, "lossmith keras on tf": lk}.items():
            sparse = package.SparseCategoricalCrossentropy(from_logits=True)
            found[name] = steps(lambda x, y, sparse=sparse: sparse(y, x))
    return found
