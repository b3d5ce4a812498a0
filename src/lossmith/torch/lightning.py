"""The doctor as a callback of Lightning's Trainer: :class:`lossmith.torch.Doctor` where the Trainer owns the loop."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Iterable
from typing import Any

import torch

from ..doctor.ledger import Say
from ..doctor.loss import recognise
from ..doctor.watch import Watch, Watched
from ..errors import LossmithError, MissingDependencyError
from .doctor import Doctor


def _callback() -> Any:
    """Return the class of callbacks, of either of the two packages by which Lightning is known, or object."""
    for package in ("lightning.pytorch", "pytorch_lightning"):
        with contextlib.suppress(ImportError):
            return importlib.import_module(f"{package}.callbacks").Callback
    return object


Callback: Any = _callback()
_VALIDATION = ("val_loss", "valid_loss", "validation_loss")
_TRAIN = ("train_loss_epoch", "train_loss", "loss")


class LightningDoctor(Watched, Callback):
    """Watches ``trainer.fit``, and says what is wrong with the training while it runs.

    Args:
        loss: The loss module, or its name; by default the only loss among the attributes of the LightningModule.
        strict: Raise :class:`lossmith.errors.MisuseError` as soon as an error is found.
        ignore: Codes of rules to leave out.
        file: Where the history goes (``.json`` or ``.csv``), for ``lossmith doctor FILE``.
        say: What gets the texts; by default they are printed to the standard error.
        pretrained: Whether the weights come from an earlier training: rules on the start then stay silent.

    Attributes:
        findings: What was found so far, most serious first.
        history: The curves so far, or None.
        verdict: What they say of over- and underfitting, or None.

    The curves are those logged as ``train_loss`` and ``val_loss``, or, where there are none, the means of what the loss
    module computed. A loss that is a function of torch.nn.functional is read from the graph behind its value.

    Raises:
        MissingDependencyError: Lightning is not installed.

    Example:
        >>> from lossmith.torch import LightningDoctor  # doctest: +SKIP
        >>> Trainer(callbacks=[LightningDoctor()]).fit(model, train_loader, val_loader)  # doctest: +SKIP
    """

    def __init__(
        self,
        loss: Any = None,
        *,
        strict: bool = False,
        ignore: Iterable[str] = (),
        file: str | os.PathLike[str] | None = None,
        say: Say | None = None,
        pretrained: bool = False,
    ) -> None:
        if Callback is object:
            raise MissingDependencyError("lightning", "lossmith.torch.LightningDoctor")
        super().__init__()
        self._loss = loss
        self._options: dict[str, Any] = {"strict": strict, "ignore": tuple(ignore), "file": file, "say": say}
        self._pretrained = pretrained
        self._doctor: Doctor | None = None
        self.watch = Watch(loss, None, **self._options)  # what is wrong with the options is said here

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Attach to the module, its loss and its first optimiser."""
        optimizer = next(iter(trainer.optimizers), None)
        raw = getattr(optimizer, "optimizer", optimizer)
        loss = self._loss if self._loss is not None else _only_loss(pl_module)
        fit = raw if isinstance(raw, torch.optim.Optimizer) else None
        self._doctor = Doctor(pl_module, loss, fit, pretrained=self._pretrained, **self._options)
        self.watch = self._doctor.watch
        self._doctor.__enter__()

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: Any) -> None:
        """Look at the graph behind a loss that no module computed: which loss it is, and of what."""
        if self._doctor is not None and isinstance(loss, torch.Tensor):
            self._doctor.before_backward(loss)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Take note of a loss that no module computed."""
        value = outputs.get("loss") if isinstance(outputs, dict) else outputs
        doctor = self._doctor
        if doctor is None or doctor.sees_losses or not isinstance(value, torch.Tensor) or value.numel() != 1:
            return
        doctor.step(value, training=True)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Look at the curves: the validation of the epoch is over."""
        if self._doctor is not None:
            logged = {name: float(v) for name, v in trainer.callback_metrics.items() if torch.as_tensor(v).numel() == 1}
            train = next((logged.pop(n) for n in _TRAIN if n in logged), None)
            validation = next((logged.pop(n) for n in _VALIDATION if n in logged), None)
            self._doctor.epoch(train=train, validation=validation, metrics=logged)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Look a last time, and say the summary."""
        if self._doctor is not None:
            self._doctor.close()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Take the hooks off; an interrupted training gets its summary."""
        if self._doctor is not None:
            self._doctor.close(quietly=not isinstance(exception, KeyboardInterrupt))


def _only_loss(module: torch.nn.Module) -> Any:
    """Return the one loss among a module's children, or None where there are none or several."""
    found = []
    for child in module.children():
        try:
            facts = recognise(child)
        except LossmithError:
            continue
        if facts is not None and facts.definition is not None:
            found.append(child)
    return found[0] if len(found) == 1 else None
