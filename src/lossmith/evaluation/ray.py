"""Ray as an executor: ``lm.evaluate(source, executor=lossmith.evaluation.ray.executor())``.

Each split is a task of Ray's. A task whose worker or machine dies is run again by Ray; its partial is counted when it
arrives, once, so the result has the same bits as that of any other executor. Workers need lossmith, and must be able to
read the source: a path on a shared file system, or a URL.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from importlib import import_module
from typing import Any

from ..errors import MissingDependencyError

MAX_RETRIES = 3


def executor(*, max_retries: int = MAX_RETRIES, **options: Any) -> Executor:
    """Return an executor whose calls are tasks of Ray.

    The cluster is the one that ``ray.init`` connected to; without that, Ray starts one on this machine.

    Args:
        max_retries: How often Ray runs a task again whose worker died.
        options: Of the tasks, as ``ray.remote`` takes them: ``num_cpus``, ``memory``, ``resources``, ``runtime_env``, …

    Raises:
        MissingDependencyError: Ray is not installed.

    Example:
        >>> import lossmith as lm
        >>> from lossmith.evaluation.ray import executor
        >>> result = lm.evaluate("s3://bucket/predictions/", executor=executor())  # doctest: +SKIP
    """
    try:
        ray: Any = import_module("ray")  # type checkers need not have it
    except ImportError:
        raise MissingDependencyError("ray", "evaluating on a Ray cluster", "ray") from None
    if not ray.is_initialized():
        ray.init()
    return _RayExecutor(ray, {"max_retries": max_retries, **options})


class _RayExecutor(Executor):
    """Hands calls to Ray and their outcomes to futures."""

    def __init__(self, ray: Any, options: dict[str, Any]) -> None:
        self._error = ray.exceptions.RayTaskError
        self._task = ray.remote(**options)(_call)
        self._open = True
        self._under_way: set[Future[Any]] = set()
        self._max_workers = max(1, int(ray.cluster_resources().get("CPU", 1)))  # what the engine keeps busy

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run ``fn(*args, **kwargs)`` as a task."""
        if not self._open:
            raise RuntimeError("the executor is shut down; make another one")
        outcome: Future[Any] = Future()
        self._under_way.add(outcome)
        outcome.add_done_callback(self._under_way.discard)
        self._task.remote(fn, args, kwargs).future().add_done_callback(lambda done: self._settle(done, outcome))
        return outcome

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; Ray itself goes on."""
        self._open = False
        for future in list(self._under_way):
            if cancel_futures:
                future.cancel()
            elif wait:
                future.exception()

    def _settle(self, done: Future[Any], outcome: Future[Any]) -> None:
        if not outcome.set_running_or_notify_cancel():
            return
        error = done.exception()
        if error is None:
            outcome.set_result(done.result())
        else:  # what the task raised, as other executors tell it, and not Ray's wrapper around it
            cause = getattr(error, "cause", None) if isinstance(error, self._error) else None
            outcome.set_exception(cause if isinstance(cause, BaseException) else error)


def _call(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return fn(*args, **kwargs)
