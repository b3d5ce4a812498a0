"""The doctor as a Keras callback, on the TensorFlow, JAX and PyTorch backends.

``fit`` does not show callbacks its data. So the function that makes a training step is replaced for the first steps by
one that looks at their batch, asks the model for its predictions with ``stateless_call(training=False)``, which leaves
every variable as it is (weights, statistics of batch normalisation, states of random generators), and hands the very
same batch on. After at most eight steps ``model.train_function`` is what it was, and a step costs nothing any more: no
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
from ..doctor.steps import StepFacts
from ..doctor.watch import Watch, Watched
from ..errors import LossmithError
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

    Models with several outputs, distributed ones and those whose ``train_step`` does not fit ``stateless_call`` are
    judged by their curves alone.

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

    # --- what Keras calls ---------------------------------------------------------------------------------------------
    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Start to watch: a second ``fit`` is watched anew."""
        model = self.model
        fresh = not self._pretrained and updates(model) == 0
        try:
            self.watch = Watch(None, model, untrained=fresh, **self._options)
        except LossmithError:  # a loss of a name of the user's own, for example
            self.watch = Watch(None, None, untrained=fresh, **self._options)
        self._shown = []
        with self.watch.ledger.guarded("the attachment"):
            self._variables = Variables(model)
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

        def first_steps(*args: Any) -> Any:
            try:
                data, args = _peek(args, int(getattr(model, "steps_per_execution", 1) or 1))
                self._look_at(model, data, args)
            except BaseException:  # the end of the data, or strict and an error
                self._detach()
                _put_back(model, args)
                raise
            if data is None or not self.watch.wants_batch:
                self._detach()
            return original(*args)

        first_steps.of_lossmith = True  # pyrefly: ignore[missing-attribute]
        self._original = original
        model.train_function = first_steps

    def _detach(self) -> None:
        if self._original is not None and self._model is not None:
            self._model.train_function = self._original
        self._original = None

    def _look_at(self, model: Any, data: Any, args: tuple[Any, ...]) -> None:
        if data is None:
            return
        with self.watch.ledger.guarded("the look at a batch"):
            x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
            if y is None or not _is_array(y):
                self._detach()
                return
            try:
                prediction = _predict(model, x, args)
            except Exception:  # the model cannot be called like this: it has a training step of its own
                self._detach()
                return
            if not _is_array(prediction):
                self._detach()
                return
            if sum(_size(x) for x, _, _ in self._shown) + _size(x) <= _MOST_INPUTS:
                self._shown.append((x, y, weight))
            self.watch.batch(Batch(prediction, y, x if _is_array(x) else None, weight if _is_array(weight) else None))
            self.watch.look()

    def _again(self) -> Iterator[Batch]:
        """Return the first batches with the predictions of now."""
        for x, y, weight in self._shown:
            yield Batch(_predict(self.model, x, ()), y, None, weight if _is_array(weight) else None)

    def _look_at_variables(self) -> None:
        with self.watch.ledger.guarded("the look at the variables"):
            facts: StepFacts | None = self._variables.facts(self.model) if self._variables is not None else None
            if facts is not None and facts.steps:
                self.watch.steps = facts.steps
                self.watch.facts(facts)


def _peek(args: tuple[Any, ...], steps: int) -> tuple[Any, tuple[Any, ...]]:
    """Return the data of a step, and the arguments that hand the same data to the training; None where it is hidden.

    Raises:
        StopIteration: The data is at its end, as the training itself would find.
    """
    backend = keras.backend.backend()
    if backend == "torch":
        return args[0][0], args
    if backend == "jax":
        state, iterator = args
        ahead = [next(iterator)]
        with contextlib.suppress(StopIteration):
            while len(ahead) < steps:
                ahead.append(next(iterator))
        return ahead[0], (state, itertools.chain(ahead, iterator))
    return _peek_tensorflow(args[0], steps)


def _peek_tensorflow(iterator: Any, steps: int) -> tuple[Any, tuple[Any, ...]]:
    import tensorflow as tf

    if not isinstance(iterator, tf.data.Iterator):
        return None, (iterator,)
    ahead = [iterator.get_next()]
    while len(ahead) < steps:
        more = iterator.get_next_as_optional()
        if not bool(more.has_value()):
            break
        ahead.append(more.get_value())
    try:  # of the same type as the iterator itself, so that the step is not traced a second time
        replay = iter(tf.data.Dataset.from_generator(lambda: iter(ahead), output_signature=iterator.element_spec))
    except Exception:  # a structure that generators cannot give; the step takes any iterator
        replay = iter(ahead)
    return ahead[0], (replay,)


def _put_back(model: Any, args: tuple[Any, ...]) -> None:
    """Give the model its variables back: on JAX, Keras has taken them out for the training."""
    if keras.backend.backend() == "jax":
        kinds = (model.trainable_variables, model.non_trainable_variables, model.optimizer.variables)
        for variables, values in zip((*kinds, model.metrics_variables), args[0], strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)


def _predict(model: Any, x: Any, args: tuple[Any, ...]) -> Any:
    """Return the model's predictions in inference mode; nothing of the model changes."""
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        state = args[0] if args else None
        trainable = state[0] if state else [v.value for v in model.trainable_variables]
        others = state[1] if state else [v.value for v in model.non_trainable_variables]
        return jax.jit(lambda t, o, x: model.stateless_call(t, o, x, training=False)[0])(trainable, others, x)
    trainable = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]
    if backend == "torch":
        import torch

        with torch.no_grad():
            return model.stateless_call(trainable, others, x, training=False)[0]
    return model.stateless_call(trainable, others, x, training=False)[0]


def _is_array(x: Any) -> bool:
    return hasattr(x, "shape") and hasattr(x, "dtype")


def _size(x: Any) -> int:
    return sum(int(np.prod(part.shape)) for part in keras.tree.flatten(x) if _is_array(part))
