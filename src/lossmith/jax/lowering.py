"""Where the primitives of a family become calls of its handler, and where they stay formulas.

The kernel is chosen last, when a program is lowered for the CPU, and only for programs of one device; on other devices,
in exported programs and where XLA refuses our handler the formula is lowered instead. `available` says where not even
that may happen; JAX has all that is asked for since 0.6.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from .. import native
from ..arrays import load

if TYPE_CHECKING:
    from .primitives import Family, Settings

try:  # older and newer versions of JAX may lack some of it, and then the formula is all there is
    from jax.extend.core import Primitive  # noqa: F401
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
    supported = all(hasattr(module, name) for module, names in _NAMES for name in names)
except ImportError:
    supported = False

XP = load("jax")
DTYPES = frozenset(np.dtype(d) for d in (np.float32, np.float64, np.float16, jnp.bfloat16))
PASSES = {"value": 0, "both": 1, "backward": 2}  # of a handler


def available() -> bool:
    """Return whether programs that are traced here may become the primitives."""
    return supported and native.has_native() and get_abstract_mesh().empty and _on_cpu()


def before_cast(prediction: Any, dtype: Any) -> Any:
    """Return a prediction in the dtype that it was given in: exact, and compilers leave out both casts."""
    if jnp.issubdtype(dtype, jnp.floating) and dtype != prediction.dtype:
        return prediction.astype(dtype)
    return prediction


def _on_cpu() -> bool:
    """Whether programs go to the CPU unless told otherwise; asking wakes no backend that sleeps."""
    chosen = getattr(jax.config, "jax_default_device", None)
    if chosen is not None:
        return getattr(chosen, "platform", chosen) == "cpu"
    awake = getattr(sys.modules.get("jax._src.xla_bridge"), "backends_are_initialized", None)
    return awake is None or not awake() or jax.default_backend() == "cpu"


def run(primitive: Any, *operands: Any, **parameters: Any) -> Any:
    """Run a primitive by itself, outside of any program."""
    parameters["settings"] = parameters["settings"]._replace(site=0)  # one program for all
    if parameters.get("reuse"):
        *_, gradient, guess, cotangent = operands
        if XP.is_concrete(guess) and np.array_equal(np.asarray(guess), np.asarray(cotangent)):
            return gradient
        parameters = {**parameters, "reuse": False}  # it belongs to the caller, too, so XLA would copy it
    if not getattr(jax.config, "jax_disable_jit", False):
        return _compiled(primitive, **parameters)(*operands)
    with jax.disable_jit(False):
        return _compiled(primitive, **parameters)(*operands)


@functools.lru_cache(maxsize=256)
def _compiled(primitive: Any, **parameters: Any) -> Callable[..., Any]:
    return jax.jit(functools.partial(primitive.bind, **parameters))


def register(primitive: Any, family: Family, plain: Callable[..., Any], handler_pass: str | None) -> None:
    """Make the primitive ``plain``, and on the CPU the handler's pass of that name; None for a formula everywhere."""
    by_formula = mlir.lower_fun(plain, primitive.multiple_results)
    mlir.register_lowering(primitive, by_formula)
    if handler_pass is None:
        return
    by_kernel = mlir.lower_fun(
        functools.partial(_guarded, family, PASSES[handler_pass], plain), primitive.multiple_results
    )

    def lower(context: Any, *operands: Any, **parameters: Any) -> Any:
        rule = by_kernel if _lowers_natively(context, family) else by_formula
        return rule(context, *operands, **parameters)

    mlir.register_lowering(primitive, lower, platform="cpu")


def _lowers_natively(context: Any, family: Family) -> bool:
    module = context.module_context
    parameters, devices = getattr(module, "lowering_parameters", None), getattr(module, "axis_context", None)
    if getattr(parameters, "for_export", True) or not isinstance(devices, mlir.ShardingContext):
        return False
    shape = context.avals_in[0].shape
    return devices.num_devices == 1 and all(isinstance(n, int) and n > 0 for n in shape) and registered(family)


@functools.cache
def registered(family: Family) -> bool:
    """Whether XLA takes our handler. Asked when a program is lowered, as its backend is up by then: a handler that is
    registered earlier and refused later would take the backend with it.
    """
    try:
        jax.devices("cpu")
        register_ffi_target(family.target, getattr(native._core, family.handler)(), platform="cpu")
    except Exception:
        return False
    return True


def _guarded(
    family: Family,
    handler_pass: int,
    plain: Callable[..., Any],
    *operands: Any,
    settings: Settings,
    **parameters: Any,
) -> Any:
    fast = functools.partial(_native, family, handler_pass, settings=settings, **parameters)
    if not (settings.weighted and family.class_weights):
        return fast(*operands)
    weight = operands[settings.weight_place]  # the kernel takes none that is negative or not finite
    slow = functools.partial(plain, settings=settings, **parameters)
    return jax.lax.cond(jnp.all((weight >= 0) & (weight < jnp.inf)), fast, slow, *operands)


def _native(family: Family, handler_pass: int, *operands: Any, settings: Settings, reuse: bool = False) -> Any:
    prediction, aliases = operands[0], {}
    rows = prediction.shape[: prediction.ndim - settings.axes]
    row = jax.ShapeDtypeStruct(rows, XP.compute_dtype(prediction))
    whole = jax.ShapeDtypeStruct(prediction.shape, prediction.dtype)
    results = (row, (row, whole, row), whole)[handler_pass]
    if handler_pass == PASSES["backward"]:
        if reuse:
            aliases = {len(operands) - 3: 0}
        else:
            operands = (*operands[:-3], *operands[-2:])
    if handler_pass == PASSES["value"]:
        settings = settings._replace(adapts=False, site=0)
    attributes = {name: np.int64(getattr(settings, name)) for name in ("shares", "weighted", "adapts", "site")}
    attributes |= {"pass": np.int64(handler_pass), "reuse": np.int64(reuse)}
    call = ffi_call(family.target, results, input_output_aliases=aliases)
    return call(*operands, **attributes, **family.attributes(settings.own))
