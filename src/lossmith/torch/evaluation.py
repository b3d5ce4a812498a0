"""Evaluation inside a distributed training: states of all ranks merged, and no row counted twice.

Each rank updates states (``lossmith.evaluation.states``) with its own rows; ``merge_states`` then gives every rank the
state of all rows, with the same bits as one process that had seen them all. ``DistributedSampler`` repeats rows until
all ranks have equally many; ``keep_once`` finds those repetitions by row id.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import torch
from torch import distributed

from ..errors import InputError
from ..evaluation.states import State, from_json, to_json

_State = TypeVar("_State", bound=State)


def merge_states(state: _State, group: Any = None) -> _State:
    """Return the state of the rows of all ranks; every rank of the group must call it.

    Args:
        state: What this rank has seen; it is not changed. Several go together as a ``Bundle``.
        group: A process group of ``torch.distributed``; the default group if None.

    Returns:
        A new state, equal on all ranks; a copy where ``torch.distributed`` is not initialised.

    Raises:
        InputError: Ranks have states of different kinds or settings.

    >>> from lossmith.evaluation.states import LossSums
    >>> state = LossSums()
    >>> state.update(np.array([1.0, 3.0]))
    >>> merge_states(state).result().mean.tolist()
    [2.0]
    """
    whole = state.empty()
    for text in _gathered(to_json(state), group):
        whole.merge(from_json(text))
    return whole


def keep_once(row_id: Any, group: Any = None) -> np.ndarray:
    """Return which rows of this rank to count, (N,) bool, so that each id counts once over all ranks.

    An id is kept where it comes first: on the lowest rank that has it, and there at its first place. Every rank of the
    group must call it, once, with the ids of all rows that it has seen.

    Args:
        row_id: (N,) whole numbers: array, tensor or list.
        group: As for :func:`merge_states`.

    Raises:
        InputError: The ids are not whole numbers, or not one per row.

    >>> keep_once([3, 1, 3]).tolist()
    [True, True, False]
    """
    ids = row_id.detach().cpu().numpy() if isinstance(row_id, torch.Tensor) else np.asarray(row_id)
    if ids.ndim != 1 or (ids.size and ids.dtype.kind not in "iu"):
        raise InputError(f"row_id has shape {ids.shape} and dtype {ids.dtype}; expected (N,) whole numbers")
    first = np.zeros(ids.size, bool)
    first[np.unique(ids, return_index=True)[1]] = True
    ranks = _gathered(ids, group)
    before = ranks[: distributed.get_rank(group)] if len(ranks) > 1 else []
    return first & ~np.isin(ids, np.concatenate(before)) if before else first


def _gathered(mine: Any, group: Any) -> list[Any]:
    """Return what each rank has, by rank."""
    if not distributed.is_available() or not distributed.is_initialized():
        return [mine]
    every: list[Any] = [None] * distributed.get_world_size(group)
    distributed.all_gather_object(every, mine, group=group)
    return every
