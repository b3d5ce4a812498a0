"""``python -m benchmarks goals``: the rows that must be shown, their goals, and how far the last measurements are.

A goal is a ratio of time, forward and backward, that the fastest of some contenders must lose by. It says where work is
left; no test asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from . import shapes
from .results import Measured, last
from .work import Work, works

TORCH, JAX, KERAS, TENSORFLOW = "lossmith torch", "lossmith jax", "lossmith keras on tf", "lossmith tf"
COMPILED = ("torch compile", "jax jit", "tf xla")


@dataclass(frozen=True)
class Goal:
    """How many times as long the fastest of ``theirs`` is to take as ``ours``."""

    theirs: tuple[str, ...]
    ours: str
    least: float


def _goals(
    eager: float, compiled: float = 0.0, jax: float = 0.0, graph: float = 0.0, ours: str = KERAS
) -> tuple[Goal, ...]:
    """The goals against PyTorch, the fastest of the compilers, JAX and TensorFlow's graphs; 0 for none."""
    all_goals = (
        Goal(("torch eager",), TORCH, eager),
        Goal(COMPILED, TORCH, compiled),
        Goal(("jax jit",), JAX, jax),
        Goal(("tf graph",), ours, graph),
    )
    return tuple(goal for goal in all_goals if goal.least)


def goals_of(work: Work) -> tuple[Goal, ...]:
    """Return the goals of a work; none if it need not be shown."""
    found = _BY_NAME.get((work.title, work.dtype), {})
    return found.get(work.shape, ())


_FEW, _SQUARE, _WIDE, _VOCABULARY = shapes.ROWS_AND_CLASSES
_NARROW = _goals(12, 3, 2.5, 3)
_LONG = _goals(12, 5, 2.5, 3)
_LARGE, _MEDIUM = shapes.ELEMENTS[3], shapes.ELEMENTS[1]
_ELEMENTS = {(_LARGE,): _goals(8, 3), (_MEDIUM,): _goals(2.5, 2.5)}
_SMALL = _goals(1)
_BY_NAME: dict[tuple[str, str], dict[tuple[int, ...], tuple[Goal, ...]]] = {
    ("softmax_cross_entropy, labels", "float32"): {
        **dict.fromkeys(shapes.SMALL_STEPS, _SMALL),
        _FEW: _NARROW,
        _SQUARE: _goals(7, 2.5, 2.5, 3),
        _WIDE: _LONG,
        _VOCABULARY: _LONG,
    },
    ("softmax_cross_entropy, labels", "bfloat16"): {_FEW: _goals(12, 3), _WIDE: _goals(11, 9)},
    ("softmax_cross_entropy, rows", "float32"): {_SQUARE: _goals(3.5, 2)},
    ("distillation_kl, logits", "float32"): {_SQUARE: _goals(5.5, 3)},
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
    yield f"{'':>2} {'goal':>5} {'found':>6} {'tuned':>6}  {'the fastest of':<32} {'row':<66} measured"
    for work in works(quick=False):
        for goal in goals_of(work):
            key = work.title, work.size, work.dtype
            found, other = _ratio(usual.get(key), goal), _ratio(tuned.get(key), goal)
            mark = "?" if found is None else " " if found >= goal.least else "-"
            row, date = ", ".join(key), usual[key].date[:16] if key in usual else "never"
            theirs = " | ".join(goal.theirs)
            yield f"{mark:>2} {goal.least:>5} {_text(found)} {_text(other)}  {theirs:<32} {row:<66} {date}"


def _ratio(measured: Measured | None, goal: Goal) -> float | None:
    if measured is None:
        return None
    return min((r for name in goal.theirs if (r := measured.against(name, goal.ours)) is not None), default=None)


def _text(ratio: float | None) -> str:
    return f"{'':>6}" if ratio is None else f"{ratio:>6.2f}"
