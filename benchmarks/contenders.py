"""The contenders: each loss as the users of a framework write it.

A contender makes, for one `Work`, the forward pass and the forward and backward pass as functions without arguments,
which return the loss once all numbers are there; or None where it has no such loss. Frameworks are imported where they
are used: a contender's process holds its own framework alone.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lossmith as lm
from lossmith.core import compute
from lossmith.losses import find

from . import formulas, shapes
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

    def kl(x: Any, y: Any) -> Any:
        ours, theirs = functional.log_softmax(x, 1), functional.log_softmax(y, 1)
        return functional.kl_div(ours, theirs, reduction="batchmean", log_target=True)

    def ctc(x: Any, y: Any) -> Any:
        steps, length = (torch.full((len(x),), n) for n in (x.shape[1], y.shape[1]))
        log_p = functional.log_softmax(x, 2).transpose(0, 1)
        return functional.ctc_loss(log_p, y, steps, length, reduction="sum") / len(x)

    if work.name in _TORCH_NAMES:
        return getattr(functional, _TORCH_NAMES[work.name])
    special = {"distillation_kl": kl, "ctc": ctc, "triplet_semi_hard": _definition(work)}
    own = formulas.Functions(
        *(torch.mean, torch.where, torch.abs, torch.exp, torch.sqrt, functional.softplus, functional.relu),
        *(lambda x: x.sum(1), lambda x: x.amax(1), lambda x: x.amin(1), lambda x: x.T),
        *(lambda x: functional.log_softmax(x, 1), functional.normalize),
        *(lambda x, y: functional.cross_entropy(x, y, reduction="none"), torch.as_tensor, lambda x: x.float()),
    )
    return special[work.name] if work.name in special else formulas.written(work, own)


def _definition(work: Work) -> Callable[..., Any]:
    """The plain formula of lossmith: what others have needs all triplets, or sorts as it does."""
    loss = find(work.name)
    return lambda x, y: compute.call(loss, x, y, parameters=loss.defaults, kernels=False, check="none")


def _tensors(work: Work) -> tuple[Any, Any]:
    import torch

    prediction, target = map(torch.from_numpy, work.arrays())
    x = prediction.to(getattr(torch, work.dtype))
    return x, target if work.whole_target else target.to(x.dtype)


def _torch_steps(work: Work, loss: Callable[..., Any]) -> Steps:
    import torch

    x, y = _tensors(work)
    x.requires_grad_()

    def forward() -> object:
        with torch.no_grad():
            return loss(x, y)

    def both() -> object:
        x.grad = None
        value = loss(x, y)
        value.backward()
        return value

    return forward, both


# --- JAX --------------------------------------------------------------------------------------------------------------
def _jax(work: Work) -> Steps | None:
    import jax
    import jax.numpy as jnp

    def optax_ctc(x: Any, y: Any) -> Any:
        import optax

        return jnp.mean(optax.ctc_loss(x, jnp.zeros(x.shape[:2]), y, jnp.zeros(y.shape)))

    def cross_entropy(x: Any, y: Any) -> Any:
        return -jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], axis=1)[:, 0]

    if work.name == "ctc":
        return _jax_steps(work, optax_ctc) if importlib.util.find_spec("optax") else None
    if work.name == "triplet_semi_hard":
        return _jax_steps(work, _definition(work))
    own = formulas.Functions(
        *(jnp.mean, jnp.where, jnp.abs, jnp.exp, jnp.sqrt, jax.nn.softplus, jax.nn.relu),
        *(lambda x: jnp.sum(x, axis=1), lambda x: jnp.max(x, axis=1), lambda x: jnp.min(x, axis=1), jnp.transpose),
        *(jax.nn.log_softmax, lambda x: x / jnp.linalg.norm(x, axis=1, keepdims=True)),
        *(cross_entropy, jnp.asarray, lambda x: x.astype("float32")),
    )
    return _jax_steps(work, formulas.written(work, own))


def _lossmith_jax(work: Work) -> Steps | None:
    import lossmith.jax as lj

    if work.name == "softmax_cross_entropy" and work.target == "labels":
        return _jax_steps(work, lambda x, y: lj.softmax_cross_entropy_with_integer_labels(x, y).mean())
    return _jax_steps(work, lm.get(work.name))


def _jax_steps(work: Work, loss: Callable[..., Any]) -> Steps:
    import jax
    import jax.numpy as jnp

    prediction, target = work.arrays()
    x = jnp.asarray(prediction, work.dtype)
    y = jnp.asarray(target, jnp.int32 if work.whole_target else work.dtype)
    forward, both, wait = jax.jit(loss), jax.jit(jax.value_and_grad(loss)), jax.block_until_ready
    return lambda: wait(forward(x, y)), lambda: wait(both(x, y))[0]


# --- TensorFlow -------------------------------------------------------------------------------------------------------
def _tensorflow(work: Work, **options: Any) -> Steps | None:
    import tensorflow as tf

    def ctc(x: Any, y: Any) -> Any:
        steps, length = (tf.fill([x.shape[0]], n) for n in (x.shape[1], y.shape[1]))
        given = {"logits_time_major": False, "blank_index": 0}
        return tf.reduce_mean(tf.nn.ctc_loss(tf.cast(y, tf.int32), x, length, steps, **given))

    if work.name == "ctc":
        return None if options else _tensorflow_steps(work, ctc)  # XLA has no sparse tensors
    if work.name == "triplet_semi_hard":
        return None  # the definition is measured with PyTorch and JAX
    own = formulas.Functions(
        *(tf.reduce_mean, tf.where, tf.abs, tf.exp, tf.sqrt, tf.nn.softplus, tf.nn.relu),
        *(lambda x: tf.reduce_sum(x, 1), lambda x: tf.reduce_max(x, 1), lambda x: tf.reduce_min(x, 1), tf.transpose),
        *(tf.nn.log_softmax, lambda x: tf.math.l2_normalize(x, 1)),
        *(lambda x, y: tf.nn.sparse_softmax_cross_entropy_with_logits(y, x), tf.constant),
        lambda x: tf.cast(x, tf.float32),
    )
    return _tensorflow_steps(work, formulas.written(work, own), **options)


def _tensorflow_xla(work: Work) -> Steps | None:
    return _tensorflow(work, jit_compile=True)


def _lossmith_tensorflow(work: Work) -> Steps | None:
    """The losses that Keras has no name for."""
    return None if (work.name, work.target) in _KERAS_NAMES else _tensorflow_steps(work, lm.get(work.name))


def _tensorflow_steps(work: Work, loss: Callable[..., Any], **options: Any) -> Steps:
    import tensorflow as tf

    prediction, target = work.arrays()
    x = tf.cast(tf.constant(prediction), work.dtype)
    y = tf.constant(target) if work.whole_target else tf.cast(tf.constant(target), work.dtype)

    def both(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(x, y)
        return value, tape.gradient(value, x)

    first, second = (tf.function(function, autograph=False, **options) for function in (loss, both))
    return lambda: first(x, y).numpy(), lambda: second(x, y)[0].numpy()


_KERAS_NAMES = {
    ("softmax_cross_entropy", "labels"): ("SparseCategoricalCrossentropy", {"from_logits": True}),
    ("softmax_cross_entropy", "rows"): ("CategoricalCrossentropy", {"from_logits": True}),
    ("squared_error", "like"): ("MeanSquaredError", {}),
    ("huber", "like"): ("Huber", {}),
    ("log_cosh", "like"): ("LogCosh", {}),
    ("sigmoid_cross_entropy", "like"): ("BinaryCrossentropy", {"from_logits": True}),
    ("ctc", "tokens"): ("CTC", {}),
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
    "lossmith tf": Contender(_lossmith_tensorflow, ("tensorflow",)),
    "lossmith keras on tf": Contender(lambda work: _keras(work, "lossmith.keras"), ("tensorflow", "keras")),
    "keras on tf": Contender(lambda work: _keras(work, "keras.losses"), ("tensorflow", "keras")),
}
