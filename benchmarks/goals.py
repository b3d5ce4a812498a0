"""``python -m benchmarks goals``: the rows that must be shown, their goals, and how far the last measurements are.

A goal is a ratio of time, forward and backward, that one contender must lose by: what prototypes on an idle machine of
two cores reached, rounded down. It says where work is left; no test asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from . import shapes
from .results import Measured, last
from .work import Work, works

TORCH, JAX, KERAS, TENSORFLOW = "lossmith torch", "lossmith jax", "lossmith keras on tf", "lossmith tf"


@dataclass(frozen=True)
class Goal:
    """How many times as long ``theirs`` is to take as ``ours``."""

    theirs: str
    ours: str
    least: float


def _goals(
    eager: float, compiled: float = 0.0, jax: float = 0.0, graph: float = 0.0, ours: str = KERAS
) -> tuple[Goal, ...]:
    """The goals against each framework, by lossmith in that framework; 0 for none."""
    all_goals = (
        Goal("torch eager", TORCH, eager),
        Goal("torch compile", TORCH, compiled),
        Goal("jax jit", JAX, jax),
        Goal("tf graph", ours, graph),
    )
    return tuple(goal for goal in all_goals if goal.least)


def goals_of(work: Work) -> tuple[Goal, ...]:
    """Return the goals of a work; none if it need not be shown."""
    found = _BY_NAME.get((work.title, work.dtype), {})
    return found.get(work.shape, ())


_FEW, _SQUARE, _WIDE, _VOCABULARY = shapes.ROWS_AND_CLASSES
_MANY = _goals(8, 4, 2.5, 3)
_HALF = _goals(8, 7, 2.5, 3)
_LARGE, _MEDIUM = shapes.ELEMENTS[3], shapes.ELEMENTS[1]
_ELEMENTS = {(_LARGE,): _MANY, (_MEDIUM,): _goals(3, 3)}
_SMALL = _goals(1)
_BY_NAME: dict[tuple[str, str], dict[tuple[int, ...], tuple[Goal, ...]]] = {
    ("softmax_cross_entropy, labels", "float32"): {
        **dict.fromkeys(shapes.SMALL_STEPS, _SMALL),
        _FEW: _goals(15, 4, 2.5, 3),
        _SQUARE: _MANY,
        _WIDE: _MANY,
        _VOCABULARY: _MANY,
    },
    ("softmax_cross_entropy, labels", "bfloat16"): {_FEW: _HALF, _WIDE: _HALF},
    ("softmax_cross_entropy, rows", "float32"): {_SQUARE: _goals(4, 2.5, 2.5, 3)},
    ("distillation_kl, logits", "float32"): {_SQUARE: _goals(6, 3.5, 2.5, 3, TENSORFLOW)},
    ("softmax_focal, labels", "float32"): {shapes.FOCAL: _goals(8, 4, 2.5, 3, TENSORFLOW)},
    ("ctc, tokens", "float32"): {shapes.SEQUENCES: _goals(2, 2, 2.5, 3)},
    ("squared_error", "float32"): {**_ELEMENTS, shapes.SMALL_ELEMENTS[1]: _SMALL},
    **{(name, "float32"): _ELEMENTS for name in ("huber", "log_cosh", "sigmoid_cross_entropy")},
    **{
        # Three products of matrices are most of their time, whoever asks for them.
        (title, "float32"): {shapes.BATCH: _goals(1, 1, 1, 1, TENSORFLOW)}
        for title in ("info_nce", "clip", "nt_xent, views", "supervised_contrastive, groups", "triplet_hard, groups")
    },
    ("triplet_semi_hard, groups", "float32"): {shapes.BATCH: _goals(3, 3, 3)},
}


def report() -> Iterator[str]:
    """Yield a line for each goal: the last ratio with the default allocator, and with one that gives nothing back."""
    usual, tuned = ({one.key: one for one in last(tuned=tuned)} for tuned in (False, True))
    yield f"{'':>2} {'goal':>5} {'found':>6} {'tuned':>6}  {'what it is measured against':<22} {'row':<66} measured"
    for work in works(quick=False):
        for goal in goals_of(work):
            key = work.title, work.size, work.dtype
            found, other = _ratio(usual.get(key), goal), _ratio(tuned.get(key), goal)
            mark = "?" if found is None else " " if found >= goal.least else "-"
            row, date = ", ".join(key), usual[key].date[:16] if key in usual else "never"
            yield f"{mark:>2} {goal.least:>5} {_text(found)} {_text(other)}  {goal.theirs:<22} {row:<66} {date}"


def _ratio(measured: Measured | None, goal: Goal) -> float | None:
    return None if measured is None else measured.against(goal.theirs, goal.ours)


def _text(ratio: float | None) -> str:
    return f"{'':>6}" if ratio is None else f"{ratio:>6.2f}"
