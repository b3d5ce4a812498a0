"""What gradients, updates, modes and activations of a PyTorch training show, seen by hooks that only look.

All norms stay on their device; :meth:`Gradients.facts` reads them, all looks at once. Between two looks a step costs a
counter. Sparse gradients and parameters that are no floating numbers are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch

from ..doctor.steps import Looks, StepFacts, Units
from .accumulation import MicroBatches
from .samples import Samples, part
from .scalars import floats, vectors
from .unregistered import Unregistered

Guarded = Callable[[str], AbstractContextManager[None]]

_SAMPLE = 4096  # numbers of a matrix whose updates are followed
_FOLLOWED = 16  # matrices
_START = 256  # numbers of every parameter that are compared with the start
_STALE_LOOKS = 24  # the first steps, in which missing zero_grad() is looked for
_MOST_SLOPES = 64 * _STALE_LOOKS  # backward passes of those steps
_UNIT_ROWS = 2048
_UNITS_FROM = 128  # the step from which activations are looked at
_ACTIVE: dict[type[torch.nn.Module], str] = {torch.nn.ReLU: "relu", torch.nn.Sigmoid: "sigmoid", torch.nn.Tanh: "tanh"}
_NOISY = (torch.nn.modules.dropout._DropoutNd, torch.nn.modules.batchnorm._BatchNorm)
_FLAT = 0.01  # slope below which a unit is saturated
_MOSTLY = 0.95  # of the rows


class Gradients:
    """What is seen of one training.

    Attributes:
        steps: Updates so far; whoever calls :meth:`after_update` counts them, as most need no more than that.

    Args:
        model: The model, or None.
        optimizer: The optimiser, or None.
        guarded: Makes a context in which an error is ours and stops nothing.
    """

    def __init__(
        self, model: torch.nn.Module | None, optimizer: torch.optim.Optimizer | None, guarded: Guarded
    ) -> None:
        self.steps = 0
        self._guarded = guarded
        self._model, self._optimizer = model, optimizer
        self._names: list[str] = []
        self._parameters: list[torch.Tensor] = []
        self._followed: list[int] = []
        self._mine: tuple[bool, ...] = ()
        self._sampled = self._starts = Samples((), 0)
        self._sizes: list[int] = []
        self._start = torch.zeros(0)
        self._zero = torch.zeros(())
        self._looks = Looks()
        self._open: tuple[torch.Tensor | None, list[int], torch.Tensor] | None = None
        self._stale = 0
        self._old: list[torch.Tensor] = []  # norms found by each backward() since the last update
        self._oldness: list[torch.Tensor] = []
        self._slopes: list[torch.Tensor] = []
        self._micro = MicroBatches()
        self._noisy = False
        self._was_training = False
        self._awake = 0
        self._asleep_since: int | None = None  # the updates before the first one in evaluation mode
        self._units: list[_Layer] = []
        self._equal: tuple[str, ...] = ()
        self._hidden = 0
        self._unregistered = Unregistered(None, set())

    def start(self) -> None:
        """Take note of the parameters and of the start."""
        named = [] if self._model is None else list(self._model.named_parameters())
        if self._model is None and self._optimizer is not None:
            of = [p for group in self._optimizer.param_groups for p in group["params"]]
            named = [(f"parameter {i}", p) for i, p in enumerate(of)]
        for name, p in named:
            lazy = isinstance(p, torch.nn.parameter.UninitializedParameter)
            if p.requires_grad and p.is_floating_point() and not lazy and p.numel():
                self._names.append(name)
                self._parameters.append(p)
        matrices = [i for i, p in enumerate(self._parameters) if p.ndim >= 2]
        picked = np.unique(np.linspace(0, len(matrices) - 1, min(_FOLLOWED, len(matrices))).astype(int))
        self._followed = [matrices[i] for i in picked] if matrices else []
        self._sampled = Samples([self._parameters[i] for i in self._followed], _SAMPLE)
        self._sizes = self._sampled.sizes
        self._starts = Samples(self._parameters, _START)
        start = self._starts.read()
        self._start, self._zero = start.cpu(), torch.zeros((), device=start.device)
        self._mine = self._owned()
        if self._optimizer is not None:
            self._unregistered = Unregistered(self._model, held(self._optimizer))
        self._hidden = max(0, len(matrices) - 1)
        self._equal = _with_equal_units(self._names, self._parameters, matrices[:-1])
        if self._model is not None:
            self._noisy = any(isinstance(m, _NOISY) for m in self._model.modules())
            self._units = _layers(self._model, self._guarded)

    def suspects(self) -> StepFacts | None:
        """Return what is odd before the first update, or None: hidden layers whose units all start equal."""
        return StepFacts(steps=0, equal=self._equal, hidden=self._hidden) if self._equal else None

    @property
    def owns_none(self) -> bool:
        """Whether the optimiser has no parameter of the model."""
        return bool(self._mine) and not any(self._mine)

    # --- what hooks tell ----------------------------------------------------------------------------------------------
    def mode(self, training: bool, learning: bool) -> None:
        """Take note of the mode in which a loss was computed, and of whether gradients were recorded."""
        if training and learning:
            self._was_training, self._asleep_since = True, None
        elif learning and self._was_training and self._asleep_since is None:
            self._asleep_since = self.steps
        self._awake += training and not learning

    @property
    def early(self) -> bool:
        """Whether these are the steps in which every backward() is looked at: those before the 24th update."""
        return self._optimizer is not None and self.steps < _STALE_LOOKS and len(self._slopes) < _MOST_SLOPES

    def before_backward(self, value: torch.Tensor, count: torch.Tensor | int | None = None) -> None:
        """Have a look at what backward() finds, in the first steps: old gradients, and which way it goes.

        ``count`` is the number of targets that the loss is the mean of, where that is known.
        """
        if value.requires_grad:
            self._micro.called(count, value)
            value.register_hook(self._on_backward)

    def _on_backward(self, slope: torch.Tensor) -> None:
        with self._guarded("the look at backward()"):
            self._look_back(slope)

    def _look_back(self, slope: torch.Tensor) -> None:
        self._slopes.append(slope.detach() if slope.ndim == 0 else slope.detach().sum())
        self._micro.returned(self._slopes[-1])
        if self.steps > 0 and self._followed:
            mine = [self._parameters[i].grad for i in self._followed if self._mine[i]]
            norms = _norms([g for g in mine if g is not None and not g.is_sparse])
            self._old.append(self._zero if norms is None else norms.sum().to(self._zero.device))

    def before_update(self, due: bool) -> None:
        """Take the norms of the gradients, and a sample of the weights, before an update that is to be looked at."""
        if self._old:
            self._oldness.append(self._old[0] if len(self._old) == 1 else torch.stack(self._old).min())
            self._old = []
        if not due or not self._parameters:
            return
        found = [(i, p.grad) for i, p in enumerate(self._parameters)]
        dense = {i: g for i, g in found if g is not None and not g.is_sparse}
        self._open = _norms(list(dense.values())), list(dense), self._sampled.read()

    def after_update(self) -> None:
        """Take the norms of what an update did that was looked at; ``steps`` counts it already."""
        if self.steps <= _STALE_LOOKS:
            self._micro.updated()
        if self._open is not None:
            norms, there, before = self._open
            self._open = None
            now = self._sampled.read()
            both = _norms([*now.split(self._sizes), *(now - before).split(self._sizes)]) if len(now) else None
            sizes, moves = (None, None) if both is None else both.split(len(self._sizes))
            self._looks.add(self.steps, (norms, there, sizes, moves))
        if self.steps == _UNITS_FROM:
            for layer in self._units:
                layer.attach()

    def close(self) -> None:
        """Take off what hangs on the model."""
        for layer in self._units:
            layer.detach()

    # --- what is known ------------------------------------------------------------------------------------------------
    def facts(self) -> StepFacts | None:
        """Return what is known, or None before the first update; this waits for the device."""
        if not self.steps or not self._parameters:
            return None
        count, looks = len(self._parameters), list(self._looks)
        gradients, weights, moves = (np.full((len(looks), count), np.nan) for _ in range(3))
        places: list[tuple[np.ndarray, int, list[int]]] = []
        waiting: list[torch.Tensor] = []
        kept = self._followed
        for row, (_, (norms, there, sizes, steps)) in enumerate(looks):
            for table, columns, seen in ((gradients, there, norms), (weights, kept, sizes), (moves, kept, steps)):
                if seen is not None:
                    places.append((table, row, columns))
                    waiting.append(seen)
        for (table, row, columns), seen in zip(places, vectors(waiting), strict=True):
            table[row, columns] = seen
        self._count_stale()
        slopes = floats(self._slopes)  # of at most 24 steps
        reverse = bool(self._optimizer is not None and self._optimizer.param_groups[0].get("maximize", False))
        up = sum(s < 0 for s in slopes)
        down = sum(s > 0 for s in slopes)
        return StepFacts(
            steps=self.steps,
            names=tuple(self._names),
            ranks=tuple(p.ndim for p in self._parameters),
            owned=self._owned(),
            at=np.array([step for step, _ in looks]),
            gradients=gradients,
            weights=weights,
            moves=moves,
            pull=self._pull(),
            unchanged=self._unchanged(),
            stale=self._stale,
            uphill=down if reverse else up,
            downhill=up if reverse else down,
            noisy=self._noisy,
            asleep=0 if self._asleep_since is None else self.steps - self._asleep_since,
            awake=self._awake,
            micro=self._micro.read(),
            units=tuple(u for layer in self._units if (u := layer.units()) is not None),
            equal=self._equal,
            hidden=self._hidden,
            unregistered=self._unregistered.still(),
        )

    def _owned(self) -> tuple[bool, ...]:
        if self._optimizer is None:
            return (True,) * len(self._parameters)
        have = held(self._optimizer)
        return tuple(id(p) in have for p in self._parameters)

    def _pull(self) -> np.ndarray:
        """Return the coupled weight decay of each parameter, scaled from its sample to all of it; AdamW has none."""
        decay: dict[int, float] = {}
        for group in [] if self._optimizer is None else self._optimizer.param_groups:
            coupled = not group.get("decoupled_weight_decay", False)
            given = group.get("weight_decay", 0)
            decay |= {id(p): float(given) for p in group["params"] if coupled and isinstance(given, int | float)}
        scale = [(p.numel() / max(1, part(p, _SAMPLE).numel())) ** 0.5 for p in self._parameters]
        return np.array([decay.get(id(p), 0.0) * s for p, s in zip(self._parameters, scale, strict=True)])

    def _unchanged(self) -> np.ndarray:
        same = (self._starts.read().cpu() == self._start).numpy()
        return np.array([one.all() for one in np.split(same, np.cumsum(self._starts.sizes)[:-1])], bool)

    def _count_stale(self) -> None:
        for value in floats(self._oldness):
            self._stale = self._stale + 1 if value > 0 else 0
        self._oldness.clear()


def held(optimizer: torch.optim.Optimizer) -> set[int]:
    """Return the identities of the parameters that an optimiser has."""
    return {id(p) for group in optimizer.param_groups for p in group["params"]}


class _Layer:
    """The activations of one module, on the device until 2048 rows were seen.

    Of a relu each unit's largest value is kept, of the others in how many rows each had a slope. A relu most of whose
    units have been above 0 is done with: it has nothing to show, and on the host that is known at once.
    """

    def __init__(self, name: str, kind: str, module: torch.nn.Module, guarded: Guarded) -> None:
        self.name, self.kind, self._module, self._guarded = name, kind, module, guarded
        self._hook: Any = None
        self._rows = 0
        self._active: torch.Tensor | None = None

    def attach(self) -> None:
        self._hook = self._module.register_forward_hook(self._see)

    def detach(self) -> None:
        if self._hook is not None:
            self._hook.remove()
            self._hook = None

    def _see(self, module: torch.nn.Module, args: Any, output: Any) -> None:
        with self._guarded("the look at activations"):
            self._count(output)

    def _count(self, output: Any) -> None:
        if not isinstance(output, torch.Tensor) or output.ndim < 2 or not output.is_floating_point():
            return
        rows = output.detach()
        if rows.ndim > 2:
            rows = rows.movedim(1 if rows.ndim > 3 else -1, -1).flatten(0, -2)
        rows = rows if len(rows) <= 4 * _UNIT_ROWS else rows[: 4 * _UNIT_ROWS]
        known = self._active if self._active is not None and len(self._active) == rows.shape[1] else None
        if self.kind == "relu":  # only whether it was ever above 0 is asked
            active = rows.amax(dim=0) if known is None else torch.maximum(known, rows.amax(dim=0))
        else:
            slope = rows * (1 - rows) if self.kind == "sigmoid" else 1 - rows * rows
            active = (slope >= _FLAT).sum(dim=0)
            active = active if known is None else known + active
        self._active = active
        self._rows = len(rows) if known is None else self._rows + len(rows)
        if self._rows >= _UNIT_ROWS or (self.kind == "relu" and rows.device.type == "cpu" and self._mostly_awake()):
            self.detach()

    def _mostly_awake(self) -> bool:
        return self._active is not None and 2 * int(torch.count_nonzero(self._active > 0)) >= len(self._active)

    def units(self) -> Units | None:
        if self._active is None or self._rows < _UNIT_ROWS:
            return None
        active = self._active.double().cpu().numpy()
        idle = active <= 0 if self.kind == "relu" else active < (1 - _MOSTLY) * self._rows
        return Units(name=self.name, kind=self.kind, rows=self._rows, units=active.size, idle=int(idle.sum()))


def _layers(model: torch.nn.Module, guarded: Guarded) -> list[_Layer]:
    """Return the activation modules before the last layer with weights; one that is used twice is left out."""
    if hasattr(model, "_orig_mod"):  # compiled: a hook would have it compiled again
        return []
    named = list(model.named_modules(remove_duplicate=False))
    last = max((i for i, (_, m) in enumerate(named) if getattr(m, "weight", None) is not None), default=0)
    uses = [id(m) for _, m in named]
    return [
        _Layer(name, _ACTIVE[type(m)], m, guarded)
        for i, (name, m) in enumerate(named)
        if type(m) in _ACTIVE and i < last and uses.count(id(m)) == 1
    ]


def _norms(tensors: Sequence[torch.Tensor]) -> torch.Tensor | None:
    """Return (P,) the norms of tensors, on the device of the first; None of nothing."""
    if not tensors:
        return None
    with torch.no_grad():
        norms = torch._foreach_norm(list(tensors))
    device = norms[0].device
    if any(n.dtype != torch.float32 or n.device != device for n in norms):
        norms = [n.to(device=device, dtype=torch.float32) for n in norms]
    return torch.stack(list(norms))


def _with_equal_units(names: list[str], parameters: list[torch.Tensor], matrices: list[int]) -> tuple[str, ...]:
    """Return the names of those matrices (units, inputs, …) whose units all have the same weights."""
    found = []
    for i in matrices:
        rows = parameters[i].detach()[:64].reshape(min(64, len(parameters[i])), -1)[:, :_SAMPLE]
        if len(rows) > 1 and bool((rows == rows[0]).all()):
            found.append(names[i])
    return tuple(found)
