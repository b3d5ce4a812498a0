"""The doctor beside a PyTorch training loop: hooks on the loss, the model and the optimiser, which only look.

No value, gradient, weight, statistic, mode or random state is changed: hooks return nothing, and what they keep is
detached. On an accelerator nothing waits for the device in a step: losses and norms stay there as scalars and are read
a few times in a training, many at once. Memory is bounded: slices of a few batches, norms of at most 120 looks, and a
sample of 4096 numbers of each of at most 16 weight matrices.
"""

from __future__ import annotations

import inspect
import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any

import torch

from ..doctor.batch import Batch
from ..doctor.ledger import Say
from ..doctor.steps import StepFacts, due, next_due, stride
from ..doctor.watch import Watch, Watched
from ..errors import InputError
from .accumulation import counted
from .behind import Behind
from .gradients import Gradients, held
from .scalars import MOST_WAITING, Mean, floats, number

_RECENT = 8  # of the latest batches, slices of so many are kept
_HELD = 16  # of the batches of the latest evaluation
_RECENT_ELEMENTS = 1 << 16
_ONE_PLAYER = 1.2  # losses for each update
_JUDGED = frozenset((24, 64, 256, 1024, 4096, 16384, 65536, 262144))  # the steps at which gradients are judged


class Doctor(Watched):
    """Watches a training loop, and says what is wrong with it while it runs.

    Args:
        model: The model that is trained, for its modes, parameters and last activation.
        loss: The loss module; its calls are seen by themselves. For a function give it here for its name
            (``F.cross_entropy``), and show each value to :meth:`step`.
        optimizer: The optimiser, whose steps are counted, or None.
        strict: Raise :class:`lossmith.errors.MisuseError` as soon as an error is found.
        ignore: Codes of rules to leave out.
        file: Where the history goes (``.json`` or ``.csv``), for ``lossmith doctor FILE``.
        say: What gets the texts; by default they are printed to the standard error.
        pretrained: Whether the weights come from an earlier training: rules on the start then stay silent.

    Attributes:
        findings: What was found so far, most serious first.
        history: The curves so far, or None.
        verdict: What they say of over- and underfitting, or None.

    Raises:
        InputError: An argument is of no known kind.

    Losses in training mode are the training's, those in evaluation mode the validation's: an evaluation after each
    epoch is enough to have both curves. :meth:`epoch` gives the numbers instead, for loops that have them.

    Example:
        >>> import torch
        >>> from lossmith.torch import Doctor
        >>> _ = torch.manual_seed(0)
        >>> model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Softmax(dim=1))
        >>> loss, optimizer = torch.nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.1)
        >>> x, y = torch.randn(64, 4), torch.arange(64) % 3
        >>> with Doctor(model, loss, optimizer, say=lambda text: None) as doctor:
        ...     for _ in range(10):
        ...         optimizer.zero_grad()
        ...         loss(model(x), y).backward()
        ...         optimizer.step()
        >>> doctor.findings.codes
        ('OUT02',)
    """

    def __init__(
        self,
        model: torch.nn.Module | None,
        loss: Any = None,
        optimizer: torch.optim.Optimizer | None = None,
        *,
        strict: bool = False,
        ignore: Iterable[str] = (),
        file: str | os.PathLike[str] | None = None,
        say: Say | None = None,
        pretrained: bool = False,
    ) -> None:
        if model is not None and not isinstance(model, torch.nn.Module):
            raise InputError(f"model is {type(model).__name__}; expected a torch.nn.Module, or None")
        if optimizer is not None and not isinstance(optimizer, torch.optim.Optimizer):
            raise InputError(f"optimizer is {type(optimizer).__name__}; expected a torch.optim.Optimizer, or None")
        fresh = not pretrained and not (optimizer is not None and optimizer.state)
        silent = _is_copy()
        self.watch = Watch(
            loss,
            model,
            strict=strict,
            ignore=ignore,
            file=None if silent else file,
            say=(lambda text: None) if silent else say,
            untrained=fresh,
            frozen=_leaves_out(optimizer, model),
        )
        self._model, self._loss, self._optimizer = model, loss, optimizer
        self._gradients = Gradients(model, optimizer, self.watch.ledger.guarded)
        self._hooks: list[Any] = []
        self._inputs: Any = None
        self._inputs_hook: Any = None
        self._before: Any = None
        self._pending: list[torch.Tensor] = []
        self._train = Mean()
        self._validation = Mean()
        self._recent: deque[Batch] = deque(maxlen=_RECENT)
        self._held: list[Batch] = []
        self._behind = Behind(self.watch, loss)
        self._coming: Batch | None = None  # what is behind the loss that comes next
        self._compares = isinstance(loss, torch.nn.Module) and _compares(loss)
        self._calls = 0  # losses of the training
        self._passing = 0  # the losses up to this one are only kept, if nothing changes meanwhile
        self._next = 1  # the next update that is not only counted
        self._hungry = True
        self._told = False  # whether the loop gives epochs itself

    # --- the loop's side ----------------------------------------------------------------------------------------------
    def __enter__(self) -> Doctor:
        with self.watch.ledger.guarded("the attachment"):
            if isinstance(self._loss, torch.nn.Module):
                self._hooks.append(self._loss.register_forward_hook(self._on_loss, with_kwargs=True))
            if self._model is not None:
                self._inputs_hook = self._model.register_forward_hook(self._on_model, with_kwargs=True)
                self._hooks.append(self._inputs_hook)
            if self._optimizer is not None:
                self._hook_before(self._optimizer, True)
                self._hooks.append(self._optimizer.register_step_post_hook(self._on_updated))
            self._gradients.start()
            odd = self._gradients.suspects()
            if odd is not None:
                self.watch.facts(odd)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(quietly=kind is not None and not issubclass(kind, KeyboardInterrupt | SystemExit))

    def step(
        self,
        value: torch.Tensor,
        *,
        prediction: Any = None,
        target: Any = None,
        inputs: Any = None,
        weight: Any = None,
        training: bool | None = None,
    ) -> None:
        """Show a loss that no module computed, before its ``backward()``.

        Args:
            value: The loss, a scalar tensor; it is not read before many steps have come together.
            prediction: What the loss got, if the first batches are to be judged.
            target: The same for the target.
            inputs: (N, …) the model's inputs.
            weight: Factors along the target's leading axes.
            training: Whether this is a step of the training; by default, whether the model is in training mode.

        Raises:
            InputError: ``value`` is no scalar tensor.
            MisuseError: ``strict``, and an error is found.
        """
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            got = f"shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__
            raise InputError(f"the loss is of {got}; expected a scalar tensor: give the mean that backward() gets")
        if training is not False and self._passes(value, training):
            return
        with self.watch.ledger.guarded("the look at a loss"):
            batch = None if prediction is None or target is None else Batch(prediction, target, inputs, weight)
            self._seen(value, lambda: batch, training)

    def before_backward(self, value: torch.Tensor) -> None:
        """Show a loss before its ``backward()``, where only its number is left when :meth:`step` gets it."""
        if not self.sees_losses and (self._hungry or (self._calls + 1) % stride(self._calls + 1) == 0):
            with self.watch.ledger.guarded("the look behind a loss"):
                self._coming = self._behind.shown(value, None, self._inputs)

    def epoch(
        self, *, train: Any = None, validation: Any = None, metrics: Mapping[str, Any] | None = None, **more: Any
    ) -> None:
        """End an epoch.

        Args:
            train: Its training loss; by default the mean of the losses seen in training mode.
            validation: Its validation loss; by default the mean of those seen in evaluation mode.
            metrics: Others by name, as ``{"accuracy": .9, "val_accuracy": .8}``.
            **more: The same.

        Raises:
            MisuseError: ``strict``, and an error is found.
        """
        self._told = True
        self._end_epoch(train, validation, {**(metrics or {}), **more})

    def close(self, *, quietly: bool = False) -> None:
        """Take the hooks off, look a last time and say the summary; leaving the ``with`` block does it."""
        for hook in (*self._hooks, *([] if self._before is None else [self._before])):
            hook.remove()
        self._before = None
        self._hooks.clear()
        with self.watch.ledger.guarded("the last reading"):
            self._gradients.close()
            self._read()
            if self._validation.count and not self._told:
                self._end_epoch(None, None, {})
            self._look_at_steps()
            if self._calls <= _ONE_PLAYER * self._gradients.steps:
                self.watch.held_out(self._held)
                self.watch.recent(self._recent)  # several losses an update may be two players', which never settle
        self.watch.close(quietly=quietly)

    @property
    def sees_losses(self) -> bool:
        """Whether a hook on the loss sees its calls."""
        return isinstance(self._loss, torch.nn.Module)

    # --- what hooks see -----------------------------------------------------------------------------------------------
    def _on_model(self, module: torch.nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        self._inputs = args[0] if args and isinstance(args[0], torch.Tensor) else None

    def _on_loss(self, module: torch.nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        try:
            if isinstance(output, torch.Tensor) and self._passes(output):
                return
            value = output if isinstance(output, torch.Tensor) and output.is_floating_point() else None
            self._seen(value, lambda: self._batch(args, kwargs), None)
        except Exception as error:
            self.watch.ledger.bug("the look at a loss", error)

    def _batch(self, args: Any, kwargs: Any) -> Batch | None:
        """Return what the loss module got, or None where its second argument is no target."""
        prediction = args[0] if args else kwargs.get("input", kwargs.get("y_pred"))
        target = args[1] if len(args) > 1 else kwargs.get("target", kwargs.get("y_true"))
        if not (self._compares and isinstance(prediction, torch.Tensor) and isinstance(target, torch.Tensor)):
            return None
        return Batch(prediction, target, self._inputs)

    def _passes(self, value: torch.Tensor, training: bool | None = None) -> bool:
        """Keep a loss of the training between two looks and say so: what most steps cost, and all that they do."""
        if self._calls >= self._passing or value.ndim or not (value.requires_grad or training):
            return False
        if self._model is not None and not self._model.training:
            return False
        self._calls += 1
        self._pending.append(value.detach())
        return True

    def _seen(self, value: torch.Tensor | None, batch: Callable[[], Batch | None], training: bool | None) -> None:
        """Take note of one loss, of the training or of an evaluation; the batch is asked for where it is wanted."""
        learning = torch.is_grad_enabled()
        mode = self._model.training if self._model is not None else learning
        training = (mode and learning) if training is None else training
        self._gradients.mode(mode, learning)
        if value is None:
            return
        scalar = value.detach() if value.ndim == 0 else value.detach().mean()
        if not training:
            self._passing = 0
            if not mode:
                self._evaluated(scalar, batch)
            return
        if self._validation.count and not self._told:
            self._end_epoch(None, None, {})
        if not (self._calls or value.requires_grad or self._optimizer is None):
            self._nothing_learns()
        if self._gradients.early:
            self._gradients.before_backward(value, self._count(batch()))
        self._calls += 1
        self._pending.append(scalar)
        if len(self._pending) >= MOST_WAITING:
            self._read()
        every = stride(self._calls)
        shown, self._coming = self._coming, None
        if shown is None and (self._hungry or self._calls % every == 0):
            shown = self._behind.shown(value, batch(), self._inputs)
        self._keep(shown)
        if not self._gradients.early and (shown is None or not self._hungry):
            self._passing = self._calls + every - 1 - self._calls % every

    def _evaluated(self, scalar: torch.Tensor, batch: Callable[[], Batch | None]) -> None:
        """Take note of a loss of an evaluation, and keep slices of the latest one's first batches."""
        if self._validation.count == 0:
            self._held.clear()
        self._validation.add(scalar)
        facts = self.watch.loss
        if len(self._held) < _HELD and facts is not None and facts.categorical:
            made = batch()
            self._held += [] if made is None else [_slice(made)]

    def _count(self, batch: Batch | None) -> Any:
        """Return how many targets a plain mean is taken of, or None where the loss is no such mean."""
        facts = self.watch.loss
        if batch is None or facts is None or not self.sees_losses or not facts.plain_mean:
            return None
        return counted(batch.target, facts.ignored)

    def _keep(self, batch: Batch | None) -> None:
        if batch is None:
            return
        if self._hungry:
            self._hungry = self.watch.batch(batch)
            self.watch.look()
            if not self._hungry and self._inputs_hook is not None:
                self._inputs_hook.remove()
                self._inputs = self._inputs_hook = None
        else:
            self._recent.append(_slice(batch))

    def _on_update(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        try:
            self._gradients.before_update(due(self._gradients.steps + 1))
        except Exception as error:
            self.watch.ledger.bug("the look at gradients", error)

    def _on_updated(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        gradients = self._gradients
        gradients.steps += 1
        if gradients.steps < self._next:
            return
        try:
            gradients.after_update()
            if gradients.steps in _JUDGED:
                self._read()
                self._look_at_steps()
                self.watch.curves()
            elif gradients.steps == 1 and gradients.owns_none:
                self._look_at_steps()
            following = next_due(gradients.steps)
            looks = following == gradients.steps + 1
            self._next = following if looks else following - 1
            if looks != (self._before is not None):  # between looks there is one hook less to call
                self._hook_before(optimizer, looks)
        except Exception as error:
            self.watch.ledger.bug("the look at an update", error)

    def _hook_before(self, optimizer: torch.optim.Optimizer, wanted: bool) -> None:
        if self._before is not None:
            self._before.remove()
        self._before = optimizer.register_step_pre_hook(self._on_update) if wanted else None

    # --- inside -------------------------------------------------------------------------------------------------------
    def _read(self) -> None:
        """Read the losses that are still on the device: the only place that waits for it."""
        if self._pending:
            values = floats(self._pending)
            self._pending.clear()
            self._train.add(*values)
            self.watch.losses(values)

    def _nothing_learns(self) -> None:
        """Say so before backward() refuses the first loss, where all of the model is frozen."""
        matrices = [p for p in (() if self._model is None else self._model.parameters()) if p.ndim >= 2]
        if matrices and not any(p.requires_grad for p in self._model.parameters()):  # pyrefly: ignore
            self.watch.facts(StepFacts(steps=0, frozen=len(matrices)))

    def _look_at_steps(self) -> None:
        facts: StepFacts | None = self._gradients.facts()
        if facts is not None:
            self.watch.facts(facts)

    def _end_epoch(self, train: Any, validation: Any, metrics: Mapping[str, Any]) -> None:
        with self.watch.ledger.guarded("the end of an epoch"):
            self._read()
            learned = self._train.count
            train = self._train.read() if train is None else train
            validation = self._validation.read() if validation is None else validation
            if not (learned or self._told):
                return  # an evaluation before the first step
            record = {"loss": train, "val_loss": validation, **metrics}
            self.watch.epoch({name: number(value) for name, value in record.items() if value is not None})


def _compares(loss: torch.nn.Module) -> bool:
    """Whether the second argument of a loss is the target: not for losses of pairs and triplets."""
    try:
        names = [p.name for p in inspect.signature(loss.forward).parameters.values() if p.default is p.empty]
    except (TypeError, ValueError):
        return True
    return len(names) < 3 or names[1].startswith("target") or names[1] == "y_true"


def _leaves_out(optimizer: torch.optim.Optimizer | None, model: torch.nn.Module | None) -> bool:
    """Whether the optimiser has not all of a model's weight matrices."""
    if optimizer is None or model is None:
        return False
    have = held(optimizer)
    return any(id(p) not in have and p.ndim >= 2 for p in model.parameters())


def _slice(batch: Batch) -> Batch:
    """Return copies of the first rows, so that the batch itself can go."""
    rows = min(len(batch.prediction) if batch.prediction.ndim else 0, len(batch.target) if batch.target.ndim else 0)
    most = max(1, _RECENT_ELEMENTS * max(rows, 1) // max(batch.prediction.numel(), batch.target.numel(), 1))
    first = slice(min(rows, most)) if rows else ...
    return Batch(batch.prediction.detach()[first].clone(), batch.target.detach()[first].clone())


def _is_copy() -> bool:
    """Whether this process is one of several that train together, and not the first."""
    there = torch.distributed.is_available() and torch.distributed.is_initialized()
    return there and torch.distributed.get_rank() > 0
