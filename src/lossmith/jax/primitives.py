"""The losses of the native core as primitives of JAX: their derivatives, batches and shapes.

The contract: a call computes what the plain formula computes, whatever JAX does with it - ``jit``, ``grad`` and ``jvp``
of any order, ``vmap``, ``scan``, ``checkpoint``. The kernel is chosen last, when a program is lowered (``lowering``).

Why primitives of our own, and not ``jax.custom_jvp`` around ``jax.ffi.ffi_call``: that would leave one more pass over
the gradient, for its product with the cotangent, and would bring the call into exported programs, which JAX then
refuses to write. A primitive has a rule for its transpose and one for lowering. A family of losses has four:

- ``value``: prediction (…, C), target, … → loss (…). Differentiated, it becomes ``both`` and ``tangent``.
- ``both``: → loss, gradient, guess. The gradient has been multiplied with the guess (…) already, which is what the
  cotangent is expected to be.
- ``tangent``: the formula's own forward derivative; linear in its last operand. Transposed, it becomes ``backward``.
- ``backward``: → gradient times cotangent. If the guess was right, it has nothing to do, so that a training step reads
  the prediction once and writes the gradient once. If not, the gradient is computed again from the prediction: guesses
  decide on time alone, never on a result. How they are made is in native/ffi_passes.hpp.

C stands for the axes at the end that a value is made of: the classes of a row, or all axes for a sum. What is
differentiated once more is the formula, and so is the part that target and weights have in a derivative.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..arrays import load
from . import lowering

if lowering.supported:
    from jax.extend.core import Primitive
    from jax.interpreters import ad, batching, partial_eval

XP = load("jax")
_sites = itertools.count(1)


class Settings(NamedTuple):
    """What a call knows before it sees arrays.

    Operands are prediction, target, then the share if there are ``shares`` (what the cotangents are in proportion to),
    then the weights if ``weighted``, then what the primitive needs besides.
    """

    own: Any  # of the family: a named tuple
    axes: int = 1  # how many of the prediction's last axes a value is made of
    shares: bool = False
    weighted: bool = False
    adapts: bool = True  # whether guesses learn from earlier calls, or are the share alone
    site: int = 0  # which calls learn from each other: losses of one shape may be weighed differently in one program

    @property
    def weight_place(self) -> int:
        """Where among the operands the weights are, if there are any."""
        return 2 + self.shares


class Family(NamedTuple):
    """Losses that one handler computes."""

    name: str
    handler: str  # in the compiled module
    formula: Callable[..., Any]  # (*operands up to the weights, settings=…) → values
    attributes: Callable[[Any], dict[str, Any]]  # of the handler, from Settings.own
    class_weights: bool = True  # whether the weights are one per class, and looked at by the kernel

    @property
    def target(self) -> str:
        """The name of the handler in programs."""
        return f"lossmith_{self.name}"


class Primitives:
    """The four primitives of a family."""

    def __init__(self, family: Family) -> None:
        self.family = family
        make = functools.partial(_define, self)
        self.value = make("value", self._plain_value, _value_shape)
        self.both = make("both", self._plain_both, _both_shape, multiple_results=True)
        self.tangent = make("tangent", self._plain_tangent, _value_shape, native=False)
        self.backward = make("backward", self._plain_backward, _backward_shape)
        ad.primitive_jvps[self.value] = self._value_jvp
        ad.primitive_jvps[self.both] = self._both_jvp
        ad.primitive_jvps[self.tangent] = _formula_jvp(self._plain_tangent, self.tangent)
        ad.primitive_jvps[self.backward] = _formula_jvp(self._plain_backward, self.backward)
        partial_eval.dce_rules[self.both] = self._leave_out_gradient
        ad.primitive_transposes[self.tangent] = self._tangent_transpose
        ad.primitive_transposes[self.backward] = self._backward_transpose

    def values(self, settings: Settings, *operands: Any) -> Any:
        """Return the losses, through which derivatives flow."""
        return self.value.bind(*operands, settings=settings._replace(site=next(_sites) % 64))

    def values_and_gradient(self, settings: Settings, scale: Any, *operands: Any) -> tuple[Any, Any]:
        """Return the losses, and the gradient of each times its scale, which is the share, too; None for 1."""
        settings = settings._replace(adapts=False)
        losses, gradient, guess = self.both.bind(*operands, settings=settings)
        cotangent = jnp.ones_like(losses) if scale is None else scale
        return losses, self.backward.bind(*operands, gradient, guess, cotangent, settings=settings, reuse=True)

    # ------------------------------------------------------------------------------------------------ by the formula

    def _plain_value(self, *operands: Any, settings: Settings) -> Any:
        return self.family.formula(*operands, settings=settings)

    def _plain_both(self, *operands: Any, settings: Settings) -> tuple[Any, Any, Any]:
        losses = self.family.formula(*operands, settings=settings)
        return losses, jnp.zeros_like(operands[0]), jnp.full_like(losses, jnp.nan)  # a guess that is never right

    def _plain_tangent(self, *operands: Any, settings: Settings) -> Any:
        prediction, *rest, _, _, tangent = operands
        return jax.jvp(lambda x: self.family.formula(x, *rest, settings=settings), (prediction,), (tangent,))[1]

    def _plain_backward(self, *operands: Any, settings: Settings, reuse: bool = True) -> Any:
        prediction, *rest, _, _, cotangent = operands
        return jax.vjp(lambda x: self.family.formula(x, *rest, settings=settings), prediction)[1](cotangent)[0]

    # --------------------------------------------------------------------------------------------------- derivatives

    def _value_jvp(self, primals: Sequence[Any], tangents: Sequence[Any], *, settings: Settings) -> tuple[Any, Any]:
        if _is_zero(tangents[0]):
            losses = self.value.bind(*primals, settings=settings)
            slopes = self._other_slopes(primals, tangents, settings)
            return losses, slopes[0] if slopes else jnp.zeros_like(losses)
        outputs, slopes = self._both_jvp(primals, tangents, settings=settings)
        return outputs[0], slopes[0]

    def _both_jvp(self, primals: Sequence[Any], tangents: Sequence[Any], *, settings: Settings) -> tuple[Any, Any]:
        losses, gradient, guess = self.both.bind(*primals, settings=settings)
        slopes = self._other_slopes(primals, tangents, settings)
        if not _is_zero(tangents[0]):
            slopes.append(self.tangent.bind(*primals, gradient, guess, tangents[0], settings=settings))
        slope = functools.reduce(jnp.add, slopes) if slopes else jnp.zeros_like(losses)
        # Nothing ever depends on gradient and guess: `tangent` and `backward` are derived from the prediction.
        return (losses, gradient, guess), (slope, _zero(gradient), _zero(guess))

    def _other_slopes(self, primals: Sequence[Any], tangents: Sequence[Any], settings: Settings) -> list[Any]:
        """The part of the tangent that comes from target and weights, if one of them moves."""
        moving = [i for i in _moving(primals, tangents) if i == 1 or (settings.weighted and i == settings.weight_place)]
        value = functools.partial(self._plain_value, settings=settings)
        return [_jvp_of(value, primals, tangents, moving)] if moving else []

    def _tangent_transpose(self, cotangent: Any, *operands: Any, settings: Settings) -> list[Any]:
        def transposed(rest: list[Any]) -> Any:
            return self.backward.bind(*rest, cotangent, settings=settings, reuse=True)

        return self._last(operands, cotangent, transposed)

    def _backward_transpose(self, cotangent: Any, *operands: Any, settings: Settings, reuse: bool) -> list[Any]:
        return self._last(operands, cotangent, lambda rest: self.tangent.bind(*rest, cotangent, settings=settings))

    def _last(self, operands: Sequence[Any], cotangent: Any, transposed: Callable[..., Any]) -> list[Any]:
        """Return one cotangent per operand: only the last one, in which the primitive is linear, has one."""
        *rest, last = operands
        if not ad.is_undefined_primal(last) or any(map(ad.is_undefined_primal, rest)):
            raise NotImplementedError(f"{self.family.name} is linear in tangents and cotangents only")
        none: list[Any] = [None] * len(rest)
        return [*none, ad.Zero(last.aval) if _is_zero(cotangent) else transposed(rest)]

    def _leave_out_gradient(self, used: list[bool], equation: Any) -> tuple[list[bool], Any]:
        """Where nobody looks at the gradient, as in the forward pass of ``jax.checkpoint``, ``both`` is ``value``."""
        if not any(used[1:]):
            if not used[0]:
                return [False] * len(equation.invars), None
            equation = equation.replace(primitive=self.value, outvars=equation.outvars[:1])
        return [True] * len(equation.invars), equation


def _define(
    own: Primitives,
    name: str,
    plain: Callable[..., Any],
    shape: Callable[..., Any],
    *,
    multiple_results: bool = False,
    native: bool = True,
) -> Any:
    """Return a primitive that is ``plain``, and on the CPU a pass of the handler."""
    primitive = Primitive(f"{own.family.target}_{name}")
    primitive.multiple_results = multiple_results
    primitive.def_impl(functools.partial(lowering.run, primitive))
    primitive.def_abstract_eval(shape)
    batching.primitive_batchers[primitive] = functools.partial(_batch, own.family, primitive, plain)
    lowering.register(primitive, own.family, plain, name if native else None)
    return primitive


def _formula_jvp(plain: Callable[..., Any], primitive: Any) -> Callable[..., Any]:
    """Return the rule of a primitive whose derivative is that of ``plain``."""

    def rule(primals: Sequence[Any], tangents: Sequence[Any], **parameters: Any) -> tuple[Any, Any]:
        out = primitive.bind(*primals, **parameters)
        of_all = functools.partial(plain, **parameters)
        return out, _jvp_of(of_all, primals, tangents, _moving(primals, tangents))

    return rule


def _moving(primals: Sequence[Any], tangents: Sequence[Any]) -> list[int]:
    return [i for i, t in enumerate(tangents) if not _is_zero(t) and jnp.issubdtype(primals[i].dtype, jnp.floating)]


def _jvp_of(of_all: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], moving: list[int]) -> Any:
    """Return the tangent of a function for those of the operands at the places ``moving``."""

    def of_moving(*some: Any) -> Any:
        operands = list(primals)
        for i, x in zip(moving, some, strict=True):
            operands[i] = x
        return of_all(*operands)

    return jax.jvp(of_moving, tuple(primals[i] for i in moving), tuple(tangents[i] for i in moving))[1]


def _is_zero(x: Any) -> bool:
    return isinstance(x, ad.Zero)


def _zero(x: Any) -> Any:
    return ad.Zero(jax.typeof(x).to_tangent_aval())


def _batch(
    family: Family,
    primitive: Any,
    plain: Callable[..., Any],
    operands: Sequence[Any],
    dims: Sequence[int | None],
    **parameters: Any,
) -> Any:
    settings = parameters["settings"]
    place = settings.weight_place if family.class_weights and settings.weighted else None
    if place is not None and dims[place] is not None:
        result = jax.vmap(functools.partial(plain, **parameters), dims)(*operands)
    else:  # there may be any number of leading axes
        size = next(x.shape[d] for x, d in zip(operands, dims, strict=True) if d is not None)
        front = [
            x if i == place else batching.bdim_at_front(x, d, size)
            for i, (x, d) in enumerate(zip(operands, dims, strict=True))
        ]
        result = primitive.bind(*front, **parameters)
    return result, [0] * len(result) if primitive.multiple_results else 0


# Shapes are said here because the formula would be traced for them each time. Arrays of a mesh, which need more to be
# said, never come here.
def _row_aval(prediction: Any, settings: Settings) -> Any:
    shape = prediction.shape[: prediction.ndim - settings.axes]
    return prediction.update(shape=shape, dtype=XP.compute_dtype(prediction), weak_type=False)


def _value_shape(prediction: Any, *_: Any, settings: Settings) -> Any:
    return _row_aval(prediction, settings)


def _both_shape(prediction: Any, *_: Any, settings: Settings) -> tuple[Any, Any, Any]:
    row = _row_aval(prediction, settings)
    return row, prediction.update(weak_type=False), row


def _backward_shape(prediction: Any, *_: Any, settings: Settings, reuse: bool) -> Any:
    return prediction.update(weak_type=False)
