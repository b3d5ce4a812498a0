"""The first numbers of parameters, read together in one operation: for few numbers each operation costs more than they.

Views of the parameters are kept between two looks and made anew where a parameter has got other memory (``.to()``,
``p.data = …``). Parameters are only read.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

_PLAIN = (torch.Tensor, torch.nn.Parameter)


class Samples:
    """Samples of some parameters.

    Args:
        parameters: The parameters.
        most: How many numbers of each are read.
    """

    def __init__(self, parameters: Sequence[torch.Tensor], most: int) -> None:
        self._parameters, self._most = list(parameters), most
        self._views: list[torch.Tensor] = []
        self._at: list[int] = []
        self._lasting = all(type(p) in _PLAIN and p.is_contiguous() for p in self._parameters)

    @property
    def sizes(self) -> list[int]:
        """How many numbers each parameter has in :meth:`read`."""
        return [len(part(p, self._most)) for p in self._parameters]

    def read(self) -> torch.Tensor:
        """Return a copy of all samples, one after the other, on the device of the first parameter."""
        at = [p.data_ptr() for p in self._parameters] if self._lasting else []
        if not self._views or at != self._at or not self._lasting:
            views = [part(p, self._most) for p in self._parameters]
            first = views[0] if views else torch.zeros(0)
            views = [v if v.device == first.device else v.to(first.device) for v in views]
            self._lasting = self._lasting and all(v.data_ptr() == a for v, a in zip(views, at, strict=True))
            self._views, self._at = views, at
        return torch.cat(self._views) if self._views else torch.zeros(0)


def part(p: torch.Tensor, most: int) -> torch.Tensor:
    """Return a view of the first numbers of a parameter, or a copy where its memory is in no order."""
    return p.detach().reshape(-1)[:most] if p.is_contiguous() else p.detach()[:1].reshape(-1)[:most]
