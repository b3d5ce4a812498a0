"""The list of losses, narrowed down by task, by face, or by what somebody remembers of a name or a purpose."""

from __future__ import annotations

from typing import Any, get_args

from ..errors import UnknownNameError
from ..losses import Loss, losses
from ..losses.definition import Task
from .faces import faces_of, names_in

TASKS: tuple[str, ...] = get_args(Task)
SCHEMA = 1


def catalogue(*, task: str | None = None, face: str | None = None, search: str = "") -> tuple[Loss, ...]:
    """Return the losses that fit: first those that have this very name, then those whose names have it in them.

    Args:
        task: A task of the definitions ("regression", "binary", …), or None for all.
        face: "torch", "keras", "jax" or "optax": losses that have a name of their own there. None for all.
        search: Words that must all occur: in the names (case, ``_``, ``-`` and spaces do not matter; those of the
            faces count), or in what is said about the loss.

    Raises:
        UnknownNameError: No such task or face, or no loss fits ``search``; the message offers the nearest names.

    >>> from lossmith.understanding import catalogue
    >>> [loss.name for loss in catalogue(task="regression", face="optax")]
    ['squared_error', 'huber', 'log_cosh']
    >>> catalogue(search="BCE with logits")[0].name
    'sigmoid_cross_entropy'
    """
    if task is not None and task not in TASKS:
        raise UnknownNameError("task", task, TASKS)
    there = None if face is None else names_in(face)
    found = [loss for loss in losses() if _fits(loss, search)]
    if search.strip() and not found:
        raise UnknownNameError("loss", search, [name for loss in losses() for name in (loss.name, *loss.aliases)])
    fitting = [loss for loss in found if task in (None, loss.task) and (there is None or loss.name in there)]
    return tuple(sorted(fitting, key=lambda loss: (not _called(loss, search), not _named(loss, search))))


def entry(loss: Loss) -> dict[str, Any]:
    """Return a loss as plain data: name, class, title, task, summary, aliases, and its names in the faces."""
    return {
        "name": loss.name,
        "object_name": loss.object_name,
        "title": loss.title,
        "task": loss.task,
        "summary": loss.summary,
        "aliases": list(loss.aliases),
        "faces": {face: list(names) for face, names in faces_of(loss.name).items()},
    }


def _fits(loss: Loss, search: str) -> bool:
    said = f"{loss.title} {loss.summary} {loss.advice.use}".lower()
    return _named(loss, search) or all(word in said for word in search.lower().split())


def _named(loss: Loss, search: str) -> bool:
    """Whether one name of the loss has all the words in it."""
    words = [_key(word) for word in search.split()]
    return any(all(word in name for word in words) for name in _names(loss))


def _called(loss: Loss, search: str) -> bool:
    """Whether this is a name of the loss."""
    return _key(search) in _names(loss)


def _names(loss: Loss) -> set[str]:
    theirs = (name.rpartition(".")[2] for names in faces_of(loss.name).values() for name in names)
    return set(map(_key, (loss.name, loss.object_name, loss.title, *loss.aliases, *theirs)))


def _key(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())
