"""The doctor as a Keras callback, on the TensorFlow, JAX and PyTorch backends.

``fit`` does not show callbacks its data. So the function that makes a training step is replaced for the first steps by
one that takes their batches (``ahead.py``), asks the model for its predictions with ``stateless_call(training=False)``,
which leaves every variable as it is (weights, statistics of batch normalisation, states of random generators), and
hands the very same batches on. On TensorFlow and JAX that is before the first step, on PyTorch before each of the
first ones. After at most eight steps ``model.train_function`` is what it was, and a step costs nothing any more: no
batch hook is used, for with one Keras waits for the device after every step.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from ..doctor.batch import Batch
from ..doctor.ledger import Say
from ..doctor.model import takes_mode
from ..doctor.own import by_call
from ..doctor.steps import StepFacts
from ..doctor.watch import MOST_BATCHES, Watch, Watched
from ..errors import LossmithError
from .ahead import Ahead, joined, take
from .outputs import by_output
from .variables import Variables, penalty, updates

_MOST_INPUTS = 1 << 22  # numbers of the first inputs that are kept for the judgement at the end


class Doctor(Watched, keras.callbacks.Callback):
    """Watches ``fit``, and says what is wrong with the training while it runs.

    Args:
        strict: Raise :class:`lossmith.errors.MisuseError` as soon as an error is found.
        ignore: Codes of rules to leave out.
        file: Where the history goes (``.json`` or ``.csv``), for ``lossmith doctor FILE``.
        say: What gets the texts; by default they are printed to the standard error.
        pretrained: Whether the weights come from an earlier training: rules on the start then stay silent.

    Attributes:
        findings: What was found so far, most serious first.
        history: The curves so far, or None.
        verdict: What they say of over- and underfitting, or None.

    Of models with several outputs the first batch of each is judged, and then the curves. Distributed models and those
    whose ``train_step`` does not fit ``stateless_call`` are judged by their curves alone.

    Example:
        >>> import lossmith.keras as lk  # doctest: +SKIP
        >>> doctor = lk.Doctor()  # doctest: +SKIP
        >>> model.fit(x, y, validation_split=0.2, epochs=20, callbacks=[doctor])  # doctest: +SKIP
        >>> doctor.findings.codes, doctor.verdict.word  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        strict: bool = False,
        ignore: Iterable[str] = (),
        file: str | os.PathLike[str] | None = None,
        say: Say | None = None,
        pretrained: bool = False,
    ) -> None:
        super().__init__()
        self._options: dict[str, Any] = {"strict": strict, "ignore": tuple(ignore), "file": file, "say": say}
        self._pretrained = pretrained
        self.watch = Watch(None, None, **self._options)  # what is wrong with the options is said here
        self._variables: Variables | None = None
        self._shown: list[tuple[Any, Any, Any]] = []
        self._original: Callable[..., Any] | None = None
        self._compiled: Any = None  # the model in inference mode, on JAX

    # --- what Keras calls ---------------------------------------------------------------------------------------------
    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Start to watch: a second ``fit`` is watched anew."""
        model = self.model
        fresh = not self._pretrained and updates(model) == 0
        try:
            self.watch = Watch(None, model, untrained=fresh, **self._options)
        except LossmithError:  # a loss of a name of the user's own, for example
            self.watch = Watch(None, None, untrained=fresh, **self._options)
        self._shown, self._compiled = [], None
        with self.watch.ledger.guarded("the attachment"):
            self._variables = Variables(model)
            if self._variables.odd:
                self._look_at_variables(start=True)
            self._attach(model)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Look at the curves."""
        self._detach()
        if self.watch.wants_batch:  # an epoch of fewer steps
            self.watch.look(enough=True)
        if epoch < 3:
            self._look_at_variables()
        with self.watch.ledger.guarded("the look at penalties"):
            extra = penalty(self.model)
            logs = logs if extra is None else {**(logs or {}), "penalty": extra}
        self.watch.epoch(logs or {}, steps=(self.params or {}).get("steps") or 0)

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Look a last time, and say the summary."""
        self._detach()
        self._look_at_variables()
        with self.watch.ledger.guarded("the last predictions"):
            self.watch.recent(self._again())
        self.watch.close()

    # --- the first batches --------------------------------------------------------------------------------------------
    def _attach(self, model: Any) -> None:
        original = getattr(model, "train_function", None)
        if original is None or getattr(original, "of_lossmith", False):
            return

        together = int(getattr(model, "steps_per_execution", 1) or 1)
        steps = (self.params or {}).get("steps")
        left = -(-steps // together) if steps else None  # executions of the epoch, if known
        taken, served, useful, seen = Ahead([]), 0, True, 0

        def first_steps(*args: Any) -> Any:
            nonlocal taken, served, useful, seen
            try:
                if served == 0:
                    taken = take(args, together, None if left is None else left - seen)
                    useful = self._look_at(taken.shown, args)
                    seen += taken.calls
            except BaseException:  # the end of the data, or strict and an error
                self._detach()
                _put_back(model, args)
                raise
            served = (served + 1) % taken.calls
            args = args if taken.iterator is None else (*args[:-1], taken.iterator)
            if served == 0 and not (useful and self.watch.wants_batch and seen < MOST_BATCHES):
                self._detach()
            return original(*args)

        first_steps.of_lossmith = True  # pyrefly: ignore[missing-attribute]
        self._original = original
        model.train_function = first_steps

    def _detach(self) -> None:
        if self._original is not None and self._model is not None:
            self._model.train_function = self._original
        self._original = None

    def _look_at(self, shown: list[Any], args: tuple[Any, ...]) -> bool:
        """Look at batches, and return whether later ones could be looked at, too."""
        with self.watch.ledger.guarded("the look at a batch"):
            batches = [keras.utils.unpack_x_y_sample_weight(data) for data in shown]
            if batches and not _is_array(batches[0][1]):
                self._look_at_outputs(batches[0][0], batches[0][1], args)
            if not batches or not all(_is_array(y) for _, y, _ in batches):
                return False
            try:
                predictions = self._predict_all([x for x, _, _ in batches], args)
            except Exception:  # the model cannot be called like this: it has a training step of its own
                return False
            if not all(map(_is_array, predictions)):
                return False
            for (x, y, weight), prediction in zip(batches, predictions, strict=True):
                if sum(_size(x) for x, _, _ in self._shown) + _size(x) <= _MOST_INPUTS:
                    self._shown.append((x, y, weight))
                w = weight if _is_array(weight) else None
                self._recognise(prediction, y)
                self.watch.batch(Batch(prediction, y, x if _is_array(x) else None, w))
                self.watch.look()
            return True
        return False

    def _recognise(self, prediction: Any, target: Any) -> None:
        """Find out what a loss of the user's own computes."""
        loss, facts = getattr(self.model, "loss", None), self.watch.loss
        if facts is None or self.watch.knows_loss or not callable(loss) or self.watch.steps:
            return
        own = by_call(loss, facts, prediction, target, keras=True)
        if own is not None:
            self.watch.recognised(own.loss)

    def _look_at_outputs(self, x: Any, y: Any, args: tuple[Any, ...]) -> None:
        """Judge the first batch of each of several outputs."""
        made: list[Any] = []
        with contextlib.suppress(Exception):  # a model with a training step of its own
            made = list(by_output(self.model, self._predict(x, args), y))
        for name, loss, prediction, target, activation in made:
            inputs = x if _is_array(x) else None
            self.watch.part(f"output {name}", loss, Batch(prediction, target, inputs), activation)

    def _predict_all(self, inputs: list[Any], args: tuple[Any, ...]) -> list[Any]:
        """Return the predictions of several batches, asked for at once where they stand below each other."""
        below = joined(inputs)
        if below is None:
            return [self._predict(x, args) for x in inputs]
        whole = self._predict(below, args)
        ends = np.cumsum([0, *(keras.tree.flatten(x)[0].shape[0] for x in inputs)])
        return [whole[a:b] if _is_array(whole) else whole for a, b in itertools.pairwise(map(int, ends))]

    def _again(self) -> Iterator[Batch]:
        """Return the first batches with the predictions of now."""
        predictions = self._predict_all([x for x, _, _ in self._shown], ()) if self._shown else []
        for (_, y, weight), prediction in zip(self._shown, predictions, strict=True):
            yield Batch(prediction, y, None, weight if _is_array(weight) else None)

    def _predict(self, x: Any, args: tuple[Any, ...]) -> Any:
        """Return the model's predictions in inference mode; nothing of the model changes."""
        model: Any = self.model
        backend = keras.backend.backend()
        state = args[0] if args and backend == "jax" else None
        trainable = state[0] if state else [v.value for v in model.trainable_variables]
        others = state[1] if state else [v.value for v in model.non_trainable_variables]
        mode = {"training": False} if takes_mode(model) else {}
        if backend == "torch":
            import torch

            with torch.no_grad():
                return model.stateless_call(trainable, others, x, **mode)[0]
        if backend == "jax":
            import jax

            if self._compiled is None:
                self._compiled = jax.jit(lambda t, o, x: model.stateless_call(t, o, x, **mode)[0])
            return self._compiled(trainable, others, x)
        return model.stateless_call(trainable, others, x, **mode)[0]

    def _look_at_variables(self, *, start: bool = False) -> None:
        with self.watch.ledger.guarded("the look at the variables"):
            facts: StepFacts | None = self._variables.facts(self.model) if self._variables is not None else None
            if facts is not None and (facts.steps or start):
                self.watch.steps = facts.steps
                self.watch.facts(facts)


def _put_back(model: Any, args: tuple[Any, ...]) -> None:
    """Give the model its variables back: on JAX, Keras has taken them out for the training."""
    if keras.backend.backend() == "jax":
        kinds = (model.trainable_variables, model.non_trainable_variables, model.optimizer.variables)
        for variables, values in zip((*kinds, model.metrics_variables), args[0], strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)


def _is_array(x: Any) -> bool:
    return hasattr(x, "shape") and hasattr(x, "dtype")


def _size(x: Any) -> int:
    return sum(int(np.prod(part.shape)) for part in keras.tree.flatten(x) if _is_array(part))
