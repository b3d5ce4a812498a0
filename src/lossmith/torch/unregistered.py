"""Parameters that a model uses and does not know of: those of layers in a plain list or dictionary.

``model.parameters()`` does not name them, so neither the optimiser nor ``state_dict()`` nor ``to(device)`` gets them.
Only attributes of the model's modules are looked at, and what is found there is only read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from .samples import Samples

_MOST = 64  # entries of one list or dictionary
_START = 256  # numbers of each that are compared with the start


class Unregistered:
    """What a model keeps in plain lists and dictionaries, and whether it stays as it is.

    Args:
        model: The model, or None.
        held: Identities of the parameters that the optimiser has.
    """

    def __init__(self, model: torch.nn.Module | None, held: set[int]) -> None:
        found: dict[int, tuple[str, torch.Tensor]] = {}
        known = set() if model is None else {id(p) for p in model.parameters()} | held
        for name, p in () if model is None else _kept(model):
            if p.requires_grad and p.is_floating_point() and p.numel() and id(p) not in known:
                found.setdefault(id(p), (name, p))
        self._names = [name for name, _ in found.values()]
        self._parameters = [p for _, p in found.values()]
        self._start = [s.clone() for s in self._read()]

    def still(self) -> tuple[str, ...]:
        """Return the names of those that have a gradient and are bit for bit as they were: nobody makes use of it."""
        now = zip(self._names, self._parameters, self._start, self._read(), strict=True)
        return tuple(name for name, p, start, s in now if p.grad is not None and torch.equal(s, start))

    def _read(self) -> list[torch.Tensor]:
        return [Samples([p], _START).read().cpu() for p in self._parameters]


def _kept(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield parameters by name that stand in lists and dictionaries of a model's modules, themselves or in modules."""
    for place, module in model.named_modules():
        for attribute, value in vars(module).items():
            if attribute.startswith("_"):  # PyTorch's own
                continue
            for key, one in _entries(value):
                name = ".".join(filter(None, (place, attribute, key)))
                if isinstance(one, torch.nn.Parameter):
                    yield name, one
                elif isinstance(one, torch.nn.Module):
                    yield from ((f"{name}.{inner}", p) for inner, p in one.named_parameters())


def _entries(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, list | tuple):
        return [(str(i), one) for i, one in enumerate(value[:_MOST])]
    if isinstance(value, Mapping) and not isinstance(value, torch.nn.Module):
        return [(str(key), one) for key, one in list(value.items())[:_MOST]]
    return []
