"""Softmax cross-entropy with integer labels on the native core, as JAX sees it.

The contract: a call computes what the plain formula computes, whatever JAX does with it - ``jit``, ``grad`` and ``jvp``
of any order, ``vmap``, ``scan``, ``checkpoint``. The kernel is chosen last, when a program is lowered for the CPU, and
only for programs of one device; on other devices, in exported programs and where XLA refuses our handler the formula is
lowered instead. `available` says where not even that may happen; JAX has all that is asked for since 0.6.

Why primitives of our own, and not ``jax.custom_jvp`` around ``jax.ffi.ffi_call``: that would leave one more pass over
the gradient, for its product with the cotangent, and would bring the call into exported programs, which JAX then
refuses to write. A primitive has a rule for its transpose and one for lowering. The rules are:

- ``value``: logits (…, C), labels (…) → loss (…). Differentiated, it becomes ``both`` and ``tangent``.
- ``both``: → loss, gradient, guess. The gradient has been multiplied with the guess (…) already, which is what the
  cotangent is expected to be.
- ``tangent``: the formula's own forward derivative; linear in its last operand. Transposed, it becomes ``backward``.
- ``backward``: → gradient times cotangent. If the guess was right, it has nothing to do, so that a training step reads
  the logits once and writes the gradient once. If not, the gradient is computed again from the logits: guesses decide
  on time alone, never on a result. How they are made is in native/ffi_softmax.hpp.

What is differentiated once more is the formula.
"""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .. import native
from ..arrays import load
from ..core.check import Inputs
from ..losses import find

try:  # older and newer versions of JAX may lack some of it, and then the formula is all there is
    from jax.extend.core import Primitive
    from jax.ffi import ffi_call, register_ffi_target
    from jax.interpreters import ad, batching, mlir, partial_eval
    from jax.sharding import get_abstract_mesh

    _NAMES = (
        (jax, ("typeof",)),
        (ad, ("Zero", "is_undefined_primal", "primitive_jvps", "primitive_transposes")),
        (batching, ("bdim_at_front", "primitive_batchers")),
        (partial_eval, ("dce_rules",)),
        (mlir, ("LoweringParameters", "ShardingContext", "lower_fun", "register_lowering")),
    )
    _supported = all(hasattr(module, name) for module, names in _NAMES for name in names)
except ImportError:
    _supported = False

XP = load("jax")
LOSS = find("softmax_cross_entropy")
TARGET = "lossmith_softmax_cross_entropy"
DTYPES = frozenset(np.dtype(d) for d in (np.float32, np.float64, np.float16, jnp.bfloat16))
VALUE, BOTH, BACKWARD = 0, 1, 2  # passes of the handler
HIDDEN = -(2**31)
_sites = itertools.count(1)


class Settings(NamedTuple):
    """What a call knows before it sees arrays.

    Operands are logits, labels, then the share if there are ``shares`` (what the cotangents are in proportion to), then
    the class weights if ``weighted``, then what the primitive needs besides. Rows labelled HIDDEN are left out: their
    value and gradient are 0, and their logits are not looked at.
    """

    label_smoothing: float = 0.0
    z_loss: float = 0.0
    shares: bool = False
    weighted: bool = False
    hides: bool = False  # whether rows may be labelled HIDDEN; otherwise that is a label out of range like others
    adapts: bool = True  # whether guesses learn from earlier calls, or are the share alone
    site: int = 0  # which calls learn from each other: losses of one shape may be weighed differently in one program


def available(logits: Any, labels: Any) -> bool:
    """Return whether the primitives take these arrays here."""
    if not (_supported and native.has_native()):
        return False
    if logits.dtype not in DTYPES or labels.dtype not in (np.int32, np.int64) or logits.shape[-1:] == (0,):
        return False
    return get_abstract_mesh().empty and _on_cpu()


def kernel(inputs: Inputs) -> Callable[..., tuple[Any, Any]] | None:
    """Return the kernel of a softmax cross-entropy with integer labels, or None; see ``core.kernel``."""
    smoothing, z_loss, weight = (inputs.parameters[name] for name in ("label_smoothing", "z_loss", "class_weight"))
    if not (isinstance(smoothing, int | float) and isinstance(z_loss, int | float)):
        return None
    logits, labels = inputs.unhidden, inputs.target
    if jnp.issubdtype(inputs.dtype, jnp.floating) and inputs.dtype != logits.dtype:
        logits = logits.astype(inputs.dtype)  # exact, as that is where they are from; compilers leave out both casts
    if not available(logits, labels):
        return None
    if inputs.keep is not None:
        labels = jnp.where(inputs.keep, jnp.maximum(labels, -1), HIDDEN)  # a label of HIDDEN's value is a bad one
    settings = Settings(float(smoothing), float(z_loss), weighted=weight is not None, hides=inputs.keep is not None)

    def run(inputs: Inputs, scale: Any, *, gradient: bool) -> tuple[Any, Any]:
        share = inputs.factor if scale is None else scale
        if share is not None:
            share = jnp.broadcast_to(jnp.asarray(share, inputs.prediction.dtype), labels.shape)
        call = settings._replace(shares=share is not None, site=next(_sites) % 64)
        given = [x for x in (None if share is None else jax.lax.stop_gradient(share), weight) if x is not None]
        if gradient:
            return _values_and_gradient(call, share, logits, labels, *given)
        return value_p.bind(logits, labels, *given, settings=call), None

    return run


def _values_and_gradient(settings: Settings, scale: Any, *operands: Any) -> tuple[Any, Any]:
    """Return the losses, and the gradient of each times its scale."""
    settings = settings._replace(adapts=False)
    losses, gradient, guess = both_p.bind(*operands, settings=settings)
    cotangent = jnp.ones_like(losses) if scale is None else scale
    return losses, backward_p.bind(*operands, gradient, guess, cotangent, settings=settings, reuse=True)


def _on_cpu() -> bool:
    """Whether programs go to the CPU unless told otherwise; asking wakes no backend that sleeps."""
    chosen = getattr(jax.config, "jax_default_device", None)
    if chosen is not None:
        return getattr(chosen, "platform", chosen) == "cpu"
    awake = getattr(sys.modules.get("jax._src.xla_bridge"), "backends_are_initialized", None)
    return awake is None or not awake() or jax.default_backend() == "cpu"


# ---------------------------------------------------------------------------------------------------- by the formula


def _formula(logits: Any, labels: Any, *rest: Any, settings: Settings) -> Any:
    logits = logits.astype(XP.compute_dtype(logits))
    keep = labels != HIDDEN
    if settings.hides:
        logits, labels = jnp.where(keep[..., None], logits, 0), jnp.where(keep, labels, 0)
    losses = LOSS.value(
        XP,
        logits,
        labels,
        label_smoothing=settings.label_smoothing,
        z_loss=settings.z_loss,
        class_weight=rest[settings.shares] if settings.weighted else None,
    )
    return jnp.where(keep, losses, 0) if settings.hides else losses


def _plain_both(*operands: Any, settings: Settings) -> tuple[Any, Any, Any]:
    losses = _formula(*operands, settings=settings)
    return losses, jnp.zeros_like(operands[0]), jnp.full_like(losses, jnp.nan)  # a guess that is never right


def _plain_tangent(*operands: Any, settings: Settings) -> Any:
    logits, *rest, _, _, tangent = operands
    return jax.jvp(lambda x: _formula(x, *rest, settings=settings), (logits,), (tangent,))[1]


def _plain_backward(*operands: Any, settings: Settings, reuse: bool = True) -> Any:
    logits, *rest, _, _, cotangent = operands
    return jax.vjp(lambda x: _formula(x, *rest, settings=settings), logits)[1](cotangent)[0]


# ------------------------------------------------------------------------------------------------------- derivatives


def _value_jvp(primals: Sequence[Any], tangents: Sequence[Any], *, settings: Settings) -> tuple[Any, Any]:
    if _is_zero(tangents[0]):
        losses = value_p.bind(*primals, settings=settings)
        slope = _weight_slope(primals, tangents, settings)
        return losses, jnp.zeros_like(losses) if slope is None else slope
    outputs, slopes = _both_jvp(primals, tangents, settings=settings)
    return outputs[0], slopes[0]


def _both_jvp(primals: Sequence[Any], tangents: Sequence[Any], *, settings: Settings) -> tuple[Any, Any]:
    losses, gradient, guess = both_p.bind(*primals, settings=settings)
    slopes = [_weight_slope(primals, tangents, settings)]
    if not _is_zero(tangents[0]):
        slopes.append(tangent_p.bind(*primals, gradient, guess, tangents[0], settings=settings))
    slopes = [slope for slope in slopes if slope is not None]
    slope = functools.reduce(jnp.add, slopes) if slopes else jnp.zeros_like(losses)
    # Nothing ever depends on gradient and guess: `tangent` and `backward` are derived from the logits.
    return (losses, gradient, guess), (slope, _zero(gradient), _zero(guess))


def _weight_slope(primals: Sequence[Any], tangents: Sequence[Any], settings: Settings) -> Any:
    """The part of the tangent that comes from class weights, or None."""
    if not settings.weighted or _is_zero(tangents[-1]):
        return None
    return jax.jvp(lambda w: _formula(*primals[:-1], w, settings=settings), primals[-1:], tangents[-1:])[1]


def _formula_jvp(plain: Callable[..., Any], primitive: Any) -> Callable[..., Any]:
    """Return the rule of a primitive whose derivative is that of ``plain``."""

    def rule(primals: Sequence[Any], tangents: Sequence[Any], **parameters: Any) -> tuple[Any, Any]:
        out = primitive.bind(*primals, **parameters)
        moving = [i for i, t in enumerate(tangents) if not _is_zero(t) and _is_float(primals[i])]

        def of_moving(*some: Any) -> Any:
            operands = list(primals)
            for i, x in zip(moving, some, strict=True):
                operands[i] = x
            return plain(*operands, **parameters)

        given = tuple(primals[i] for i in moving), tuple(tangents[i] for i in moving)
        return out, jax.jvp(of_moving, *given)[1]

    return rule


def _tangent_transpose(cotangent: Any, *operands: Any, settings: Settings) -> list[Any]:
    return _last(operands, cotangent, lambda rest: backward_p.bind(*rest, cotangent, settings=settings, reuse=True))


def _backward_transpose(cotangent: Any, *operands: Any, settings: Settings, reuse: bool) -> list[Any]:
    return _last(operands, cotangent, lambda rest: tangent_p.bind(*rest, cotangent, settings=settings))


def _last(operands: Sequence[Any], cotangent: Any, transposed: Callable[..., Any]) -> list[Any]:
    """Return one cotangent per operand: only the last one, in which the primitive is linear, has one."""
    *rest, last = operands
    if not ad.is_undefined_primal(last) or any(map(ad.is_undefined_primal, rest)):
        raise NotImplementedError("softmax cross-entropy is linear in tangents and cotangents only")
    none: list[Any] = [None] * len(rest)
    return [*none, ad.Zero(last.aval) if _is_zero(cotangent) else transposed(rest)]


def _is_zero(x: Any) -> bool:
    return isinstance(x, ad.Zero)


def _zero(x: Any) -> Any:
    return ad.Zero(jax.typeof(x).to_tangent_aval())


def _is_float(x: Any) -> bool:
    return jnp.issubdtype(x.dtype, jnp.floating)


# ------------------------------------------------------------------------------------------- batches, shapes, running


def _batch(
    primitive: Any, plain: Callable[..., Any], operands: Sequence[Any], dims: Sequence[int | None], **parameters: Any
) -> Any:
    settings = parameters["settings"]
    place = 2 + settings.shares if settings.weighted else None
    if place is not None and dims[place] is not None:
        result = jax.vmap(functools.partial(plain, **parameters), dims)(*operands)
    else:  # rows may have any number of leading axes
        size = next(x.shape[d] for x, d in zip(operands, dims, strict=True) if d is not None)
        front = [
            x if i == place else batching.bdim_at_front(x, d, size)
            for i, (x, d) in enumerate(zip(operands, dims, strict=True))
        ]
        result = primitive.bind(*front, **parameters)
    return result, [0] * len(result) if primitive.multiple_results else 0


# Shapes are said here because the formula would be traced for them each time. Arrays of a mesh, which need more to be
# said, never come here.
def _row_aval(logits: Any) -> Any:
    return logits.update(shape=logits.shape[:-1], dtype=XP.compute_dtype(logits), weak_type=False)


def _value_shape(logits: Any, *_: Any, settings: Settings) -> Any:
    return _row_aval(logits)


def _both_shape(logits: Any, *_: Any, settings: Settings) -> tuple[Any, Any, Any]:
    return _row_aval(logits), logits.update(weak_type=False), _row_aval(logits)


def _backward_shape(logits: Any, *_: Any, settings: Settings, reuse: bool) -> Any:
    return logits.update(weak_type=False)


def _leave_out_gradient(used: list[bool], equation: Any) -> tuple[list[bool], Any]:
    """Where nobody looks at the gradient, as in the forward pass of ``jax.checkpoint``, ``both`` is ``value``."""
    if not any(used[1:]):
        if not used[0]:
            return [False] * len(equation.invars), None
        equation = equation.replace(primitive=value_p, outvars=equation.outvars[:1])
    return [True] * len(equation.invars), equation


@functools.lru_cache(maxsize=256)
def _compiled(primitive: Any, **parameters: Any) -> Callable[..., Any]:
    return jax.jit(functools.partial(primitive.bind, **parameters))


def _run(primitive: Any, *operands: Any, **parameters: Any) -> Any:
    """Run a primitive by itself, outside of any program."""
    parameters["settings"] = parameters["settings"]._replace(site=0)  # one program for all
    if primitive is backward_p and parameters["reuse"]:
        *_, gradient, guess, cotangent = operands
        if XP.is_concrete(guess) and np.array_equal(np.asarray(guess), np.asarray(cotangent)):
            return gradient
        parameters = {**parameters, "reuse": False}  # it belongs to the caller, too, so XLA would copy it
    if not getattr(jax.config, "jax_disable_jit", False):
        return _compiled(primitive, **parameters)(*operands)
    with jax.disable_jit(False):
        return _compiled(primitive, **parameters)(*operands)


# ---------------------------------------------------------------------------------------------------------- lowering


def _native(handler_pass: int, *operands: Any, settings: Settings, reuse: bool = False) -> Any:
    logits, aliases = operands[0], {}
    row = jax.ShapeDtypeStruct(logits.shape[:-1], XP.compute_dtype(logits))
    whole = jax.ShapeDtypeStruct(logits.shape, logits.dtype)
    results = {VALUE: row, BOTH: (row, whole, row), BACKWARD: whole}[handler_pass]
    if handler_pass == BACKWARD:
        if reuse:
            aliases = {len(operands) - 3: 0}
        else:
            operands = (*operands[:-3], *operands[-2:])
    settings = settings if handler_pass != VALUE else settings._replace(adapts=False, site=0)
    attributes = {name: np.int64(getattr(settings, name)) for name in ("shares", "weighted", "hides", "adapts", "site")}
    attributes |= {name: np.float64(getattr(settings, name)) for name in ("label_smoothing", "z_loss")}
    attributes |= {"pass": np.int64(handler_pass), "reuse": np.int64(reuse)}
    return ffi_call(TARGET, results, input_output_aliases=aliases)(*operands, **attributes)


def _guarded(
    handler_pass: int, plain: Callable[..., Any], *operands: Any, settings: Settings, **parameters: Any
) -> Any:
    fast = functools.partial(_native, handler_pass, settings=settings, **parameters)
    if not settings.weighted:
        return fast(*operands)
    weight = operands[2 + settings.shares]  # the kernel takes none that is negative or not finite
    slow = functools.partial(plain, settings=settings, **parameters)
    return jax.lax.cond(jnp.all((weight >= 0) & (weight < jnp.inf)), fast, slow, *operands)


def _lowers_natively(context: Any) -> bool:
    module = context.module_context
    parameters, devices = getattr(module, "lowering_parameters", None), getattr(module, "axis_context", None)
    if getattr(parameters, "for_export", True) or not isinstance(devices, mlir.ShardingContext):
        return False
    logits = context.avals_in[0].shape
    return devices.num_devices == 1 and all(isinstance(n, int) and n > 0 for n in logits) and _registered()


@functools.cache
def _registered() -> bool:
    """Whether XLA takes our handler. Asked when a program is lowered, as its backend is up by then: a handler that is
    registered earlier and refused later would take the backend with it.
    """
    try:
        jax.devices("cpu")
        register_ffi_target(TARGET, native._core.softmax_cross_entropy_handler(), platform="cpu")
    except Exception:
        return False
    return True


def _define(
    name: str,
    plain: Callable[..., Any],
    shape: Callable[..., Any],
    *,
    handler_pass: int | None = None,
    multiple_results: bool = False,
) -> Any:
    """Return a primitive that is ``plain``, and on the CPU the handler's pass."""
    primitive = Primitive(f"lossmith_softmax_cross_entropy_{name}")
    primitive.multiple_results = multiple_results
    primitive.def_impl(functools.partial(_run, primitive))
    primitive.def_abstract_eval(shape)
    batching.primitive_batchers[primitive] = functools.partial(_batch, primitive, plain)
    by_formula = mlir.lower_fun(plain, multiple_results)
    mlir.register_lowering(primitive, by_formula)
    if handler_pass is not None:
        by_kernel = mlir.lower_fun(functools.partial(_guarded, handler_pass, plain), multiple_results)

        def lower(context: Any, *operands: Any, **parameters: Any) -> Any:
            rule = by_kernel if _lowers_natively(context) else by_formula
            return rule(context, *operands, **parameters)

        mlir.register_lowering(primitive, lower, platform="cpu")
    return primitive


def _define_all() -> tuple[Any, Any, Any, Any]:
    value = _define("value", _formula, _value_shape, handler_pass=VALUE)
    both = _define("both", _plain_both, _both_shape, handler_pass=BOTH, multiple_results=True)
    tangent = _define("tangent", _plain_tangent, _value_shape)
    backward = _define("backward", _plain_backward, _backward_shape, handler_pass=BACKWARD)
    ad.primitive_jvps[value] = _value_jvp
    ad.primitive_jvps[both] = _both_jvp
    ad.primitive_jvps[tangent] = _formula_jvp(_plain_tangent, tangent)
    ad.primitive_jvps[backward] = _formula_jvp(_plain_backward, backward)
    partial_eval.dce_rules[both] = _leave_out_gradient
    ad.primitive_transposes[tangent] = _tangent_transpose
    ad.primitive_transposes[backward] = _backward_transpose
    return value, both, tangent, backward


_primitives: tuple[Any, Any, Any, Any] = _define_all() if _supported else (None, None, None, None)
value_p, both_p, tangent_p, backward_p = _primitives
