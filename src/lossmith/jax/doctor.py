"""The doctor beside a JAX training loop: ``step`` is shown, outside of ``jit``, what the loop has at hand.

Nothing is changed and nothing waits for the device in a step: losses and norms stay there, and are read a few times in
a training, many at once. Norms of a whole tree are one compiled function, and on the host, where compiling would take
longer than all looks together, NumPy's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..doctor.batch import Batch
from ..doctor.ledger import Say
from ..doctor.steps import Looks, StepFacts, due, next_due
from ..doctor.watch import Watch, Watched
from ..errors import InputError

_READ = 256  # losses that are read at once
_JUDGED = (24, 64, 256, 1024, 4096, 16384, 65536, 262144)
_SAMPLE = 4096


class Doctor(Watched):
    """Watches a training loop, and says what is wrong with it while it runs.

    Args:
        loss: The loss: a function of optax or lossmith, or its name.
        strict: Raise :class:`lossmith.errors.MisuseError` as soon as an error is found.
        ignore: Codes of rules to leave out.
        file: Where the history goes (``.json`` or ``.csv``), for ``lossmith doctor FILE``.
        say: What gets the texts; by default they are printed to the standard error.
        activation: The model's last activation ("softmax", "linear", …), if known.
        pretrained: Whether the weights come from an earlier training: rules on the start then stay silent.

    Attributes:
        findings: What was found so far, most serious first.
        history: The curves so far, or None.
        verdict: What they say of over- and underfitting, or None.

    Example:
        >>> import jax.numpy as jnp
        >>> from lossmith.jax import Doctor
        >>> q, y = jnp.linspace(0.1, 0.9, 32), jnp.arange(32) % 2
        >>> p = jnp.stack([q, 1 - q], axis=1)
        >>> with Doctor("optax.softmax_cross_entropy_with_integer_labels", say=lambda text: None) as doctor:
        ...     doctor.step(jnp.array(0.7), prediction=p, target=y)
        >>> doctor.findings.codes
        ('OUT02',)
    """

    def __init__(
        self,
        loss: Any = None,
        *,
        strict: bool = False,
        ignore: Iterable[str] = (),
        file: str | os.PathLike[str] | None = None,
        say: Say | None = None,
        activation: str | None = None,
        pretrained: bool = False,
    ) -> None:
        self.watch = Watch(
            loss,
            strict=strict,
            ignore=ignore,
            file=file,
            say=say,
            activation=activation,
            untrained=not pretrained,
        )
        self._steps = 0
        self._kind: Any = None  # the type of concrete arrays, which is quicker to ask for than whether it is one
        self._next = 1  # the next step of which more than the loss is looked at
        self._pending: list[Any] = []
        self._total, self._count = 0.0, 0
        self._looks = Looks()
        self._leaves: list[tuple[str, int]] = []
        self._start: Any = None
        self._before: Any = None  # of the step before, where that was followed
        self._latest: Any = None

    def __enter__(self) -> Doctor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(quietly=kind is not None and not issubclass(kind, KeyboardInterrupt | SystemExit))

    def step(
        self,
        value: Any,
        *,
        prediction: Any = None,
        target: Any = None,
        inputs: Any = None,
        weight: Any = None,
        gradients: Any = None,
        parameters: Any = None,
    ) -> None:
        """Show a step of the training, after it was made.

        Args:
            value: The loss, a scalar; it is not read before many steps have come together.
            prediction: What the loss got; read for the first batches alone, so give it whenever you have it.
            target: The same for the target.
            inputs: (N, …) the model's inputs.
            weight: Factors along the target's leading axes.
            gradients: The tree of gradients.
            parameters: The tree of parameters after the update, of the same structure in every step.

        Raises:
            InputError: Called inside of ``jit`` or another trace, or ``value`` is no scalar.
            MisuseError: ``strict``, and an error is found.
        """
        if self._passes(value):
            return
        if any(isinstance(x, jax.core.Tracer) for x in (value, prediction, target)):
            raise InputError("doctor.step was called inside of jit, grad or vmap; call it on what the step returns")
        if np.shape(value) != ():
            raise InputError(f"the loss is of shape {np.shape(value)}; expected a scalar: give the mean")
        with self.watch.ledger.guarded("the look at a step"):
            self._steps += 1
            self._kind = type(value) if isinstance(value, jax.Array) else self._kind
            self._pending.append(value)
            if prediction is not None and target is not None and self.watch.wants_batch:
                self.watch.batch(Batch(prediction, target, inputs, weight))
                self.watch.look()
            self._follow(gradients, parameters)
            if len(self._pending) >= _READ:
                self._read()
            if self._steps in _JUDGED:
                self._read()
                self._look_at_steps()
                self.watch.curves()
            following = next_due(self._steps)  # its update is the difference from the weights of the step before
            self._next = self._steps + 1 if self.watch.wants_batch else max(self._steps + 1, following - 1)

    def epoch(
        self, *, train: Any = None, validation: Any = None, metrics: Mapping[str, Any] | None = None, **more: Any
    ) -> None:
        """End an epoch.

        Args:
            train: Its training loss; by default the mean of the losses of its steps.
            validation: Its validation loss, if there is one.
            metrics: Others by name, as ``{"accuracy": .9, "val_accuracy": .8}``.
            **more: The same.

        Raises:
            MisuseError: ``strict``, and an error is found.
        """
        with self.watch.ledger.guarded("the end of an epoch"):
            self._read()
            if train is None and self._count:
                train = self._total / self._count
            self._total, self._count = 0.0, 0
            record = {"loss": train, "val_loss": validation, **(metrics or {}), **more}
            self.watch.epoch({name: value for name, value in record.items() if value is not None})

    def close(self, *, quietly: bool = False) -> None:
        """Look a last time and say the summary; leaving the ``with`` block does it."""
        with self.watch.ledger.guarded("the last reading"):
            self._read()
            self._look_at_steps()
        self.watch.close(quietly=quietly)

    # --- inside -------------------------------------------------------------------------------------------------------
    def _passes(self, value: Any) -> bool:
        """Keep the loss of a step between two looks and say so: what most steps cost, and all that they do."""
        if self._steps + 1 >= self._next or len(self._pending) + 1 >= _READ:
            return False
        if type(value) is not self._kind or value.ndim:
            return False
        self._steps += 1
        self._pending.append(value)
        return True

    def _read(self) -> None:
        """Read the losses that are still on the device: the only place that waits for it."""
        if self._pending:
            values = _floats(self._pending)
            self._pending.clear()
            self._total += sum(values)
            self._count += len(values)
            self.watch.losses(values)

    def _follow(self, gradients: Any, parameters: Any) -> None:
        """Take norms of gradients and weights, and of the update where the step before was followed, too."""
        tree = parameters if parameters is not None else gradients
        if tree is None:
            return
        if not self._leaves:
            leaves = jax.tree_util.tree_leaves_with_path(tree)
            self._leaves = [(jax.tree_util.keystr(path), np.ndim(leaf)) for path, leaf in leaves]
        if not self._leaves:
            return
        now = None
        if parameters is not None and (due(self._steps) or due(self._steps + 1)):
            now = _samples(parameters)
            self._latest = now
            self._start = now if self._start is None else self._start
        if due(self._steps):
            norms = None if gradients is None else _norms(gradients)
            moves = None if now is None or self._before is None else _moves(now, self._before)
            self._looks.add(self._steps, (norms, None if now is None else _norms(now), moves))
        self._before = now

    def _look_at_steps(self) -> None:
        if self._steps and self._leaves:
            self.watch.facts(self._facts())

    def _facts(self) -> StepFacts:
        looks = jax.device_get(list(self._looks))
        tables = [np.full((len(looks), len(self._leaves)), np.nan) for _ in range(3)]
        for row, (_, seen) in enumerate(looks):
            for table, norms in zip(tables, seen, strict=True):
                if norms is not None:
                    table[row] = norms
        unchanged = None
        if self._latest is not self._start:
            pairs = zip(*jax.device_get((self._start, self._latest)), strict=True)
            unchanged = np.array([np.array_equal(a, b) for a, b in pairs])
        return StepFacts(
            steps=self._steps,
            names=tuple(name for name, _ in self._leaves),
            ranks=tuple(rank for _, rank in self._leaves),
            owned=(True,) * len(self._leaves),
            at=np.array([step for step, _ in looks]),
            gradients=tables[0] if np.isfinite(tables[0]).any() else None,
            weights=tables[1],
            moves=tables[2],
            unchanged=unchanged,
        )


def _floats(values: list[Any]) -> list[float]:
    """Read scalars: off the host, all are on their way before the first is waited for."""
    first = values[0]
    if isinstance(first, jax.Array) and any(d.platform != "cpu" for d in first.devices()):
        values = jax.device_get(values)
    return [float(np.asarray(value)) for value in values]


def _norms(tree: Any) -> Any:
    """Return (P,) the norms of a tree's leaves, on their device; on the host without compiling anything for it."""
    views = _views(tree)
    return _norms_on_device(tree) if views is None else _norms_of_views(views)


def _norms_of_views(views: list[np.ndarray]) -> np.ndarray:
    flat = [v.ravel() for v in views]
    return np.sqrt([np.dot(v, v) for v in flat])


def _samples(tree: Any) -> list[Any]:
    """Return copies of the first numbers of every leaf."""
    views = _views(tree)
    return _samples_on_device(tree) if views is None else [v.ravel()[:_SAMPLE].copy() for v in views]


def _moves(now: list[Any], before: list[Any]) -> Any:
    """Return (P,) the norms of what an update did to samples."""
    if isinstance(now[0], np.ndarray) and isinstance(before[0], np.ndarray):
        return _norms_of_views([a - b for a, b in zip(now, before, strict=True)])
    return _norms_on_device(_difference_on_device(now, before))


def _views(tree: Any) -> list[np.ndarray] | None:
    """Return a tree's leaves as NumPy where all are whole on the host; None elsewhere, and for dtypes NumPy has not.

    The views must not be kept: as long as one is there, its array cannot be donated.
    """
    leaves = jax.tree_util.tree_leaves(tree)
    try:
        views = [x if isinstance(x, np.ndarray) else np.from_dlpack(x.block_until_ready()) for x in leaves]
    except (AttributeError, BufferError, TypeError, ValueError, RuntimeError):
        return None
    return views if all(v.dtype.char in "fd" for v in views) else None


@jax.jit
def _norms_on_device(tree: Any) -> Any:
    leaves = [jnp.asarray(x, jnp.float32) for x in jax.tree_util.tree_leaves(tree)]
    return jnp.stack([jnp.sqrt(jnp.sum(jnp.square(x))) for x in leaves])


@jax.jit
def _samples_on_device(tree: Any) -> Any:
    return [jnp.ravel(x)[:_SAMPLE] + 0 for x in jax.tree_util.tree_leaves(tree)]


@jax.jit
def _difference_on_device(now: Any, before: Any) -> Any:
    return [a - b for a, b in zip(now, before, strict=True)]
