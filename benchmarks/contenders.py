"""The contenders: each loss as the users of a framework write it.

A contender makes, for one `Work`, the forward pass and the forward and backward pass as functions without arguments,
which return once the numbers are there; or None where it has no such loss. Frameworks are imported where they are used:
a contender's process holds its own framework alone.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lossmith as lm

from . import shapes
from .work import Work

Step = Callable[[], object]
Steps = tuple[Step, Step]

_TORCH_NAMES = {
    "softmax_cross_entropy": "cross_entropy",
    "squared_error": "mse_loss",
    "huber": "huber_loss",
    "sigmoid_cross_entropy": "binary_cross_entropy_with_logits",
}


@dataclass(frozen=True)
class Contender:
    """One way to do the work.

    Attributes:
        make: Gives the steps of a work, or None.
        needs: The packages without which it does not run.
        slow: Whether it takes seconds to compile each work.
    """

    make: Callable[[Work], Steps | None]
    needs: tuple[str, ...] = ()
    slow: bool = False

    @property
    def available(self) -> bool:
        """Whether its packages are installed."""
        return all(importlib.util.find_spec(package) is not None for package in self.needs)


def _lossmith_numpy(work: Work) -> Steps | None:
    if work.dtype != "float32":
        return None
    prediction, target = work.arrays()
    loss = lm.get(work.name)
    return lambda: loss(prediction, target), lambda: loss.value_and_gradient(prediction, target)


# --- PyTorch ----------------------------------------------------------------------------------------------------------
def _lossmith_torch(work: Work) -> Steps | None:
    import lossmith.torch.functional as ours

    name = _TORCH_NAMES.get(work.name)
    return _torch_steps(work, lm.get(work.name) if name is None else getattr(ours, name))


def _lossmith_torch_without_autograd(work: Work) -> Steps | None:
    if work.shape not in shapes.SMALL_STEPS + shapes.SMALL_ELEMENTS:
        return None
    (x, y), loss = _tensors(work), lm.get(work.name)
    return lambda: loss(x, y), lambda: loss.value_and_gradient(x, y)


def _torch_eager(work: Work) -> Steps | None:
    return _torch_steps(work, _torch_loss(work))


def _torch_compiled(work: Work) -> Steps | None:
    import torch

    return _torch_steps(work, torch.compile(_torch_loss(work)))


def _torch_loss(work: Work) -> Callable[..., Any]:
    import torch

    functional: Any = torch.nn.functional

    def log_cosh(x: Any, y: Any) -> Any:
        d = x - y
        return (d + functional.softplus(-2 * d) - 0.6931471805599453).mean()

    def kl(x: Any, y: Any) -> Any:
        ours, theirs = functional.log_softmax(x, 1), functional.log_softmax(y, 1)
        return functional.kl_div(ours, theirs, reduction="batchmean", log_target=True)

    written = {"log_cosh": log_cosh, "distillation_kl": kl}
    return written[work.name] if work.name in written else getattr(functional, _TORCH_NAMES[work.name])


def _tensors(work: Work) -> tuple[Any, Any]:
    import torch

    prediction, target = map(torch.from_numpy, work.arrays())
    x = prediction.to(getattr(torch, work.dtype))
    return x, target if work.target == "labels" else target.to(x.dtype)


def _torch_steps(work: Work, loss: Callable[..., Any]) -> Steps:
    import torch

    x, y = _tensors(work)
    x.requires_grad_()

    def forward() -> object:
        with torch.no_grad():
            return loss(x, y)

    def both() -> object:
        x.grad = None
        loss(x, y).backward()
        return x.grad

    return forward, both


# --- frameworks whose array functions are like NumPy's ----------------------------------------------------------------
def _mean_loss(
    work: Work, xp: Any, softmax: Callable[..., Any], softplus: Callable[..., Any], kl: Callable[..., Any]
) -> Callable[..., Any]:
    """The loss as one writes it there."""
    return {
        "squared_error": lambda x, y: xp.mean((x - y) ** 2),
        "huber": lambda x, y: xp.mean(xp.where(xp.abs(x - y) < 1, 0.5 * (x - y) ** 2, xp.abs(x - y) - 0.5)),
        "log_cosh": lambda x, y: xp.mean(x - y + softplus(-2 * (x - y)) - 0.6931471805599453),
        "sigmoid_cross_entropy": lambda x, y: xp.mean(softplus(x) - x * y),
        "softmax_cross_entropy": softmax,
        "distillation_kl": kl,
    }[work.name]


def _jax(work: Work) -> Steps | None:
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

    return _jax_steps(work, _mean_loss(work, jnp, softmax, jax.nn.softplus, kl))


def _lossmith_jax(work: Work) -> Steps | None:
    import lossmith.jax as lj

    if work.target == "labels":
        return _jax_steps(work, lambda x, y: lj.softmax_cross_entropy_with_integer_labels(x, y).mean())
    return _jax_steps(work, lm.get(work.name))


def _jax_steps(work: Work, loss: Callable[..., Any]) -> Steps:
    import jax
    import jax.numpy as jnp

    prediction, target = work.arrays()
    x = jnp.asarray(prediction, work.dtype)
    y = jnp.asarray(target, jnp.int32 if work.target == "labels" else work.dtype)
    forward, both, wait = jax.jit(loss), jax.jit(jax.value_and_grad(loss)), jax.block_until_ready
    return lambda: wait(forward(x, y)), lambda: wait(both(x, y))


def _tensorflow(work: Work, **options: Any) -> Steps | None:
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

    return _tensorflow_steps(work, _mean_loss(work, Functions, softmax, tf.nn.softplus, kl), **options)


def _tensorflow_xla(work: Work) -> Steps | None:
    return _tensorflow(work, jit_compile=True)


def _tensorflow_steps(work: Work, loss: Callable[..., Any], **options: Any) -> Steps:
    import tensorflow as tf

    prediction, target = work.arrays()
    x = tf.cast(tf.constant(prediction), work.dtype)
    y = tf.constant(target) if work.target == "labels" else tf.cast(tf.constant(target), work.dtype)

    def both(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(x, y)
        return value, tape.gradient(value, x)

    first, second = tf.function(loss, **options), tf.function(both, **options)
    return lambda: first(x, y).numpy(), lambda: second(x, y)[0].numpy()


_KERAS_NAMES = {
    ("softmax_cross_entropy", "labels"): ("SparseCategoricalCrossentropy", {"from_logits": True}),
    ("softmax_cross_entropy", "rows"): ("CategoricalCrossentropy", {"from_logits": True}),
    ("squared_error", "like"): ("MeanSquaredError", {}),
    ("huber", "like"): ("Huber", {}),
    ("log_cosh", "like"): ("LogCosh", {}),
    ("sigmoid_cross_entropy", "like"): ("BinaryCrossentropy", {"from_logits": True}),
}


def _keras(work: Work, package: str) -> Steps | None:
    found = _KERAS_NAMES.get((work.name, work.target))
    if found is None:
        return None
    os.environ["KERAS_BACKEND"] = "tensorflow"  # read by the first import of Keras
    loss = getattr(importlib.import_module(package), found[0])(**found[1])
    return _tensorflow_steps(work, lambda x, y: loss(y, x))


CONTENDERS = {
    "lossmith numpy": Contender(_lossmith_numpy),
    "lossmith torch": Contender(_lossmith_torch, ("torch",)),
    "lossmith torch, value_and_gradient": Contender(_lossmith_torch_without_autograd, ("torch",)),
    "torch eager": Contender(_torch_eager, ("torch",)),
    "torch compile": Contender(_torch_compiled, ("torch",), slow=True),
    "lossmith jax": Contender(_lossmith_jax, ("jax",)),
    "jax jit": Contender(_jax, ("jax",)),
    "tf graph": Contender(_tensorflow, ("tensorflow",)),
    "tf xla": Contender(_tensorflow_xla, ("tensorflow",)),
    "lossmith keras on tf": Contender(lambda work: _keras(work, "lossmith.keras"), ("tensorflow", "keras")),
    "keras on tf": Contender(lambda work: _keras(work, "keras.losses"), ("tensorflow", "keras")),
}
