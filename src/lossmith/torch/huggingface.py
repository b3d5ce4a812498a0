"""The doctor as a callback of the Hugging Face Trainer, whose models compute their loss themselves, from ``labels``."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from ..doctor.ledger import Say
from ..doctor.watch import Watch, Watched
from ..errors import MissingDependencyError
from .doctor import Doctor

try:
    TrainerCallback: Any = importlib.import_module("transformers").TrainerCallback
except ImportError:
    TrainerCallback = object

_IGNORED = -100


class HuggingFaceDoctor(Watched, TrainerCallback):
    """Watches ``trainer.train()``, and says what is wrong with the training while it runs.

    Args:
        loss: The loss's name ("nn.CrossEntropyLoss"), if the model's is not the usual one of its class.
        strict: Raise :class:`lossmith.errors.MisuseError` as soon as an error is found.
        ignore: Codes of rules to leave out.
        file: Where the history goes (``.json`` or ``.csv``), for ``lossmith doctor FILE``.
        say: What gets the texts; by default they are printed to the standard error.
        pretrained: Whether the weights come from an earlier training, as they mostly do here.

    Attributes:
        findings: What was found so far, most serious first.
        history: The curves so far, or None.
        verdict: What they say of over- and underfitting, or None.

    Logits and labels of the first batches are judged for models that classify sequences or tokens, or predict the next
    token; of others, curves and gradients alone. The curves are the Trainer's logged ``loss`` and ``eval_loss``: a
    point for every evaluation, or for every epoch where there are none.

    Raises:
        MissingDependencyError: transformers is not installed.

    Example:
        >>> from lossmith.torch import HuggingFaceDoctor  # doctest: +SKIP
        >>> Trainer(model, args, train_dataset=rows, callbacks=[HuggingFaceDoctor()]).train()  # doctest: +SKIP
    """

    def __init__(
        self,
        loss: Any = None,
        *,
        strict: bool = False,
        ignore: Iterable[str] = (),
        file: str | os.PathLike[str] | None = None,
        say: Say | None = None,
        pretrained: bool = True,
    ) -> None:
        if TrainerCallback is object:
            raise MissingDependencyError("transformers", "lossmith.torch.HuggingFaceDoctor")
        self._loss = loss
        self._options: dict[str, Any] = {"strict": strict, "ignore": tuple(ignore), "file": file, "say": say}
        self._pretrained = pretrained
        self._doctor: Doctor | None = None
        self._hook: Any = None
        self._logged: list[float] = []
        self._evaluated = False
        self.watch = Watch(loss, None, **self._options)  # what is wrong with the options is said here

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **more: Any) -> None:
        """Attach to the model and the optimiser."""
        self._logged, self._evaluated = [], False
        loss = self._loss if self._loss is not None else usual_loss(model)
        raw = getattr(more.get("optimizer"), "optimizer", more.get("optimizer"))
        fit = raw if isinstance(raw, torch.optim.Optimizer) else None
        self._doctor = Doctor(model, loss, fit, pretrained=self._pretrained, **self._options)
        self.watch = self._doctor.watch
        self._doctor.__enter__()
        if isinstance(model, torch.nn.Module):
            self._hook = model.register_forward_hook(self._on_model, with_kwargs=True)

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Take note of a logged loss."""
        value = (logs or {}).get("loss")
        if isinstance(value, int | float):
            self._logged.append(float(value))

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: Mapping[str, Any] | None = None, **more: Any
    ) -> None:
        """Look at the curves after an evaluation."""
        if self._doctor is not None and metrics and "eval_loss" in metrics and self.watch.steps + len(self._logged):
            self._evaluated = True
            others = {n: v for n, v in metrics.items() if n.startswith("eval_") and n != "eval_loss"}
            self._end(metrics["eval_loss"], others)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Look at the curve of a training without evaluations."""
        evaluates = not str(getattr(args, "eval_strategy", "no")).lower().endswith("no")
        if self._doctor is not None and not self._evaluated and not evaluates:
            self._end(None, {})

    def on_train_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Look a last time, and say the summary."""
        if self._hook is not None:
            self._hook.remove()
            self._hook = None
        if self._doctor is not None:
            self._doctor.close()

    def _end(self, validation: Any, metrics: Mapping[str, Any]) -> None:
        train = sum(self._logged) / len(self._logged) if self._logged else None
        self._logged = []
        if self._doctor is not None:
            self._doctor.epoch(train=train, validation=validation, metrics=metrics)

    def _on_model(self, module: torch.nn.Module, args: Any, kwargs: Mapping[str, Any], output: Any) -> None:
        doctor = self._doctor
        value = getattr(output, "loss", None)
        if doctor is None or not isinstance(value, torch.Tensor) or value.numel() != 1:
            return
        with self.watch.ledger.guarded("the look at logits and labels"):
            seen = logits_and_labels(module, getattr(output, "logits", None), kwargs.get("labels"))
        doctor.step(value, **seen)


def usual_loss(model: Any) -> str | None:
    """Return the loss that a model of transformers computes, as far as its class and configuration tell."""
    name, config = type(model).__name__, getattr(model, "config", None)
    if name.endswith(("ForCausalLM", "LMHeadModel", "ForTokenClassification")):
        return "nn.CrossEntropyLoss"
    if not name.endswith(("ForSequenceClassification", "ForImageClassification")):
        return None
    problem = getattr(config, "problem_type", None)
    if problem is None:
        problem = "regression" if getattr(config, "num_labels", 2) == 1 else "single_label_classification"
    return {
        "regression": "nn.MSELoss",
        "single_label_classification": "nn.CrossEntropyLoss",
        "multi_label_classification": "nn.BCEWithLogitsLoss",
    }.get(problem)


def logits_and_labels(model: Any, logits: Any, labels: Any) -> dict[str, Any]:
    """Return prediction and target as the loss gets them, without ignored labels; nothing where that is unknown."""
    if not isinstance(logits, torch.Tensor) or not isinstance(labels, torch.Tensor) or usual_loss(model) is None:
        return {}
    name = type(model).__name__
    if name.endswith(("ForCausalLM", "LMHeadModel")):
        logits, labels = logits[..., :-1, :], labels[..., 1:]
    elif name.endswith(("ForSequenceClassification", "ForImageClassification")):
        one = logits.ndim == 2 and logits.shape[1] == 1 and labels.ndim == 1
        return {"prediction": logits.detach().squeeze(1) if one else logits.detach(), "target": labels}
    rows, flat = logits.detach().reshape(-1, logits.shape[-1]), labels.reshape(-1)
    counted = flat != _IGNORED
    return {"prediction": rows[counted], "target": flat[counted]} if len(rows) == len(flat) else {}
