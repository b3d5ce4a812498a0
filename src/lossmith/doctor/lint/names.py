"""One name for each thing of a framework, however it was imported: ``tf.keras.losses.X`` is ``keras.losses.X``."""

from __future__ import annotations

import ast
import re

_KERAS_ROOTS = (
    "tensorflow.keras",
    "tensorflow.python.keras",
    "tf_keras.src",
    "tf_keras",
    "keras._tf_keras.keras",
    "keras.api._v2.keras",
    "keras.api",
    "keras.src",
)
_AREAS = ("layers", "losses", "metrics", "activations", "ops", "optimizers", "utils", "applications")
_MODELS = ("Model", "Sequential", "Input")
ROOTS = ("torch", "keras", "tensorflow", "tf_keras", "lossmith", "jax", "optax", "flax", "lightning")
_MENTIONS = (*ROOTS, "pytorch_lightning")


def canonical(dotted: str) -> str:
    """Return the canonical form of a dotted name.

    >>> canonical("tensorflow.keras.layers.core.Dense"), canonical("lossmith.torch.CrossEntropyLoss")
    ('keras.layers.Dense', 'torch.nn.CrossEntropyLoss')
    """
    name = dotted.replace("tensorflow.compat.v1.", "tensorflow.").replace("tensorflow.compat.v2.", "tensorflow.")
    for root in _KERAS_ROOTS:
        if name == root or name.startswith(root + "."):
            name = "keras" + name[len(root) :]
            break
    head, _, rest = name.partition(".")
    if head == "lossmith":
        return _face(rest) if rest else name
    if head == "keras" and rest:
        return _keras(rest)
    if name.startswith("tensorflow.losses.") and name.rpartition(".")[2][:1].isupper():
        return "keras.losses." + name.rpartition(".")[2]
    if name.startswith("torch.nn.modules."):
        return "torch.nn." + name.rpartition(".")[2] if name.count(".") > 3 else name
    if name.startswith("torch.optim.") and not name.startswith(("torch.optim.lr_scheduler", "torch.optim.swa_utils")):
        return "torch.optim." + name.rpartition(".")[2]
    return name


def _keras(rest: str) -> str:
    parts = rest.split(".")
    if parts[-1] in _MODELS:
        return f"keras.{parts[-1]}"
    if parts[0] in _AREAS and len(parts) > 2 and parts[1] != parts[0]:
        return f"keras.{parts[0]}.{parts[-1]}"
    return f"keras.{rest}"


def _face(rest: str) -> str:
    face, _, name = rest.partition(".")
    if face == "keras":
        return f"keras.losses.{name.rpartition('.')[2]}" if name else "keras.losses"
    if face == "torch":
        return f"torch.nn.{name}" if name else "torch.nn"
    return f"lossmith.{rest}"


def imported(node: ast.Import | ast.ImportFrom) -> tuple[dict[str, str | None], str | None]:
    """Return the names that an import binds, with their canonical names (None for packages of no interest).

    The second is the module of a star import, or None.
    """
    bound: dict[str, str | None] = {}
    if isinstance(node, ast.Import):
        for alias in node.names:
            full = alias.name if alias.asname else alias.name.partition(".")[0]
            bound[alias.asname or full] = _of_interest(full)
        return bound, None
    module = "" if node.level else node.module or ""
    for alias in node.names:
        if alias.name == "*":
            return {}, _of_interest(module)
        bound[alias.asname or alias.name] = _of_interest(f"{module}.{alias.name}") if module else None
    return bound, None


def _of_interest(dotted: str) -> str | None:
    if dotted.partition(".")[0] in (*ROOTS, "pytorch_lightning", "abc", "collections"):
        return canonical(dotted)
    return None


_TOPICS = re.compile(r"softmax|sigmoid|loss|entropy|compile\(|backward\(|nll|log\(", re.IGNORECASE)


def is_of_interest(text: str) -> bool:
    """Whether a source mentions a framework and something of losses; others need not be followed."""
    return any(root in text for root in _MENTIONS) and _TOPICS.search(text) is not None
