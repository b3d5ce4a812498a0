"""Which framework does an array belong to? Answered from its type; a framework is never imported to find out.

The rule: a type's root package names its framework; for subclasses from elsewhere, ask only frameworks that are in
``sys.modules`` already (the user has imported them, so asking costs nothing).
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from ..errors import InputError

FRAMEWORKS = ("numpy", "torch", "jax", "tensorflow")
_ROOTS = {"numpy": "numpy", "torch": "torch", "jax": "jax", "jaxlib": "jax", "tensorflow": "tensorflow"}
_TENSOR_TYPES = {"torch": "Tensor", "jax": "Array", "tensorflow": "Tensor"}
# Containers that are no plain array, by root package and name, and what makes one of them. Read as an array, a masked
# one would lose its mask without a word.
_DENSE_FORMS = {
    ("scipy", "*"): "{name}.toarray()",
    ("tensorflow", "SparseTensor"): "tf.sparse.to_dense({name})",
    ("tensorflow", "RaggedTensor"): "{name}.to_tensor() and a mask of what is padding",
    ("jax", "BCOO"): "{name}.todense()",
    ("jax", "BCSR"): "{name}.todense()",
    ("numpy", "MaskedArray"): "{name}.data and mask=~numpy.ma.getmaskarray({name})",
}
_by_type: dict[type, str | None] = {}
_dense_form: dict[type, str] = {}
_modules: dict[str, ModuleType] = {}


def load(framework: str) -> ModuleType:
    """Return the operations module of ``framework`` ("numpy", "torch", "jax" or "tensorflow")."""
    module = _modules.get(framework)
    if module is None:
        module = _modules[framework] = _import(framework)
    return module


def _import(framework: str) -> ModuleType:
    # Statements, not importlib: torch.compile traces through these when the first call is inside a compiled function.
    if framework == "torch":
        from . import torch as module
    elif framework == "jax":
        from . import jax as module
    elif framework == "tensorflow":
        from . import tensorflow as module
    else:
        from . import numpy as module
    return module


def framework_of(x: Any) -> str | None:
    """Return the framework that ``x`` belongs to, or None for Python numbers, lists and other plain objects."""
    kind = type(x)
    if kind not in _by_type:
        form = _look_up_dense_form(kind)
        if form:
            _dense_form[kind] = form
        _by_type[kind] = _look_up(kind)
    return _by_type[kind]


def _look_up(kind: type) -> str | None:
    for base in kind.__mro__[:-1]:
        framework = _ROOTS.get(base.__module__.partition(".")[0])
        if framework:
            return framework
    for framework, attribute in _TENSOR_TYPES.items():
        tensor = getattr(sys.modules.get(framework), attribute, None)
        if isinstance(tensor, type) and issubclass(kind, tensor):
            return framework
    return None


def _look_up_dense_form(kind: type) -> str | None:
    for base in kind.__mro__[:-1]:
        root = base.__module__.partition(".")[0]
        form = _DENSE_FORMS.get((root, base.__name__)) or _DENSE_FORMS.get((root, "*"))
        if form:
            return form
    return None


def is_native(x: Any, framework: str) -> bool:
    """Whether ``x`` is already an array of ``framework``."""
    return framework_of(x) == framework


def namespace_of(**arrays: Any) -> ModuleType:
    """Return the operations module that fits all ``arrays``; NumPy arrays and lists follow the tensor beside them.

    Raises:
        InputError: Arrays of two frameworks, or a sparse, ragged or masked one.
    """
    found: dict[str, str] = {}
    for name, x in arrays.items():
        framework = framework_of(x)
        if type(x) in _dense_form:
            form = _dense_form[type(x)].format(name=name)
            raise InputError(f"{name} is a {type(x).__name__}; expected a dense array; give {form}")
        if framework and framework != "numpy":
            found.setdefault(framework, name)
    if len(found) > 1:
        (one, a), (two, b) = list(found.items())[:2]
        raise InputError(
            f"{a} is a {one} array and {b} is a {two} array; give both in one framework, "
            f"for example {b}=numpy.asarray({b})"
        )
    return load(next(iter(found), "numpy"))
