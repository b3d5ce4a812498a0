"""Which losses of torch.nn.functional a loss of the user's own calls, and with what, where the graph cannot tell.

A divergence and likelihoods with a spread or a rate are made of plain arithmetic, of which PyTorch's graph shows no
loss. So the function is called once more on the batch that is to be judged, and its calls are noted.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .loss import named
from .traced import Traced

_NOTED = ("kl_div", "gaussian_nll_loss", "poisson_nll_loss")


def called(loss: Callable[[Any, Any], Any], prediction: Any, target: Any) -> Traced | None:
    """Return the one noted loss that ``loss`` calls, with what it hands on; None where it calls none or several.

    Args:
        loss: A function of prediction and target, which a call does not change.
        prediction: A tensor of PyTorch; what is made of it is in the graph of what is returned.
        target: The same.
    """
    torch: Any = sys.modules["torch"]
    noted: list[tuple[str, Mapping[str, Any], Any]] = []

    class Noting(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            given = kwargs or {}
            result = function(*args, **given)  # the mode is off in here: what a loss calls in turn is not noted
            name = getattr(function, "__name__", "")
            if name in _NOTED and getattr(torch.nn.functional, name) is function:
                noted.append((name, inspect.signature(function).bind(*args, **given).arguments, result))
            return result

    with torch.enable_grad(), Noting():
        value = loss(prediction, target)
    return _traced(*noted[0], value) if len(noted) == 1 else None


def _traced(name: str, given: Mapping[str, Any], result: Any, value: Any) -> Traced | None:
    """Return a noted loss, unless what it gave was no mean or sum yet: what is masked out of that is not known."""
    if result.ndim and not bool(given["target"].isfinite().all()):
        return None
    settings = {k: v for k, v in given.items() if k in ("reduction", "log_target", "log_input")}
    whole = result.shape == value.shape and bool((result == value).all())
    facts = replace(named("torch", f"functional.{name}", settings), uneven=result.ndim > 0, part=not whole)
    return Traced(facts, given["input"], given["target"])
