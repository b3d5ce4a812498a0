"""Shapes against each other: what fits what, and the words for what does not.

Nothing is broadcast between prediction and target; weight, mask and extra arrays go along the leading axes of the
values.
"""

from __future__ import annotations

from numbers import Integral
from types import ModuleType
from typing import Any

from ..errors import InputError, LabelError, ShapeError
from ..losses import Loss


def last_axis(xp: ModuleType, loss: Loss, prediction: Any, target: Any, axis: int) -> tuple[Any, Any]:
    """Return both with the class or feature axis last."""
    rank = len(xp.shape(prediction))
    if rank == 0:
        raise ShapeError(f"prediction is a single number; {loss.name} needs the class axis, shape (…, C)")
    if isinstance(axis, bool) or not isinstance(axis, Integral):
        raise InputError(f"axis is {axis!r}; expected one whole number, as in axis=-1")
    if not -rank <= axis < rank:
        raise ShapeError(f"axis is {axis}, but prediction has shape {xp.shape(prediction)}; use -{rank} … {rank - 1}")
    if xp.shape(prediction)[axis] == 0:
        raise ShapeError(f"prediction has shape {xp.shape(prediction)}: axis {axis} holds no class or feature to score")
    if axis in (-1, rank - 1):
        return prediction, target
    dense = len(xp.shape(target)) == rank
    return xp.moveaxis(prediction, axis, -1), xp.moveaxis(target, axis, -1) if dense else target


def consumed(loss: Loss, shape: tuple) -> int:
    """Return how many of the prediction's last axes do not belong to the values (of regions: to the elements)."""
    if loss.layout == "batch":
        return len(shape) - 1
    return 2 if loss.layout == "sequence" else int(loss.class_axis)


def match_target(xp: ModuleType, loss: Loss, prediction: Any, target: Any, axis: int) -> bool:
    """Check the shapes against each other; return whether the target is integer labels."""
    p, t = xp.shape(prediction), xp.shape(target)
    if loss.layout in ("batch", "sequence"):
        _check_ranks(loss, p, t)
        if loss.target.role in ("groups", "tokens"):
            return _check_integers(xp, loss, target, p, t)
    length = loss.prediction.length
    if length is not None and p[-1] not in (length, None):
        raise ShapeError(f"prediction has shape {p}; {loss.name} takes rows of {length} on the last axis")
    if loss.target_per_row:
        if not same(p[:-1], t):
            raise ShapeError(f"prediction has shape {p} and target has shape {t}; expected {p[:-1]}, one per row")
        return False
    if same(p, t):
        return False
    if loss.target.role != "classes":
        raise ShapeError(mismatch(p, t, xp.kind(target)))
    if not same(p[:-1], t):
        raise ShapeError(_label_mismatch(p, t, axis))
    if xp.kind(target) == "float" and 0 not in t:
        raise LabelError(
            f"target has shape {t} and a floating dtype, prediction has shape {p}: class indices must be integers; "
            f"convert the target (NumPy: target.astype(int); torch: target.long()), or give rows over the {p[-1]} "
            "classes"
        )
    return True


def _check_ranks(loss: Loss, p: tuple, t: tuple) -> None:
    if loss.layout == "sequence":
        if len(p) < 2 or len(t) < 1 or not same(p[:-2], t[:-1]):
            raise ShapeError(
                f"prediction has shape {p} and target has shape {t}; {loss.name} takes (…, T, C) scores and (…, S) "
                "tokens with the same leading axes"
            )
        if p[-2] == 0:
            raise ShapeError(f"prediction has shape {p}: axis -2 holds no step to read")
        return
    rank = 1 if loss.prediction.role == "values" else 2
    if len(p) != rank:
        wanted = "(N,), one score per row" if rank == 1 else "(N, F), one vector per row"
        hint = "; use prediction.squeeze(-1) (prediction[..., 0])" if rank == 1 and p[1:] == (1,) else ""
        raise ShapeError(
            f"prediction has shape {p}; {loss.name} compares the rows of one batch and takes {wanted}{hint}"
        )
    if rank == 2 and p[-1] == 0:
        raise ShapeError(f"prediction has shape {p}: axis -1 holds no feature to compare")


def _check_integers(xp: ModuleType, loss: Loss, target: Any, p: tuple, t: tuple) -> bool:
    if loss.target.role == "groups" and not same(p[:1], t):
        hint = "; use target.squeeze(-1) (target[..., 0])" if t == (*p[:1], 1) else ""
        raise ShapeError(f"prediction has shape {p} and target has shape {t}; expected {p[:1]}, one per row{hint}")
    if xp.kind(target) == "float" and 0 not in t:
        raise LabelError(
            f"target has a floating dtype; {loss.name} takes {loss.target.describe()}: convert it "
            "(NumPy: target.astype(int); torch: target.long())"
        )
    return True


def same(a: tuple, b: tuple) -> bool:
    """Return whether two shapes agree where both are known."""
    return len(a) == len(b) and all(x is None or y is None or x == y for x, y in zip(a, b, strict=True))


def mismatch(p: tuple, t: tuple, kind: str = "") -> str:
    """Return what is wrong with a target whose shape should be the prediction's."""
    text = f"prediction has shape {p} and target has shape {t}; they must be equal, as nothing is broadcast"
    if p == (*t, 1):
        return f"{text}; use prediction.squeeze(-1) (prediction[..., 0])"
    if t == (*p, 1):
        return f"{text}; use target.squeeze(-1) (target[..., 0])"
    if len(p) == len(t) + 1 and kind == "int":
        return f"{text}; class indices as target? take softmax_cross_entropy, or one-hot rows"
    return f"{text}; pick, reduce or reshape the one that is wrong, for example target.reshape({p})"


def _label_mismatch(p: tuple, t: tuple, axis: int) -> str:
    """Return what is wrong with a target; ``p`` has its classes last, the text shows them where they were."""
    rows, place = p[:-1], axis % len(p)
    where = "the last axis" if place == len(p) - 1 else f"axis {axis}"
    given = (*rows[:place], p[-1], *rows[place:])
    if len(t) == len(p):
        t = (*t[:-1][:place], t[-1], *t[:-1][place:])  # dense rows were moved, too
    text = (
        f"prediction has shape {given}, that is {p[-1]} classes on {where}; target has shape {t}, expected {rows} for "
        f"class indices or {given} for one-hot or soft rows"
    )
    if t == (*rows, 1):
        return f"{text}; use target.squeeze(-1) (target[..., 0])"
    if len(p) > 2 and given == p and t == (p[0], *p[2:]):
        return f"{text}; are the classes on axis 1? then add axis=1"
    return text


def align(xp: ModuleType, name: str, x: Any, shape: tuple) -> Any:
    """Give ``x`` the rank of the values; it matches their leading axes, or all of them with ones."""
    given = xp.shape(x)
    if len(given) == len(shape):
        if broadcasts(given, shape):
            return x
    elif same(given, shape[: len(given)]):
        for _ in range(len(shape) - len(given)):
            x = xp.expand(x, -1)
        return x
    allowed = " or ".join(str(shape[:n]) for n in range(1, len(shape) + 1)) or "()"
    hint = f"; use {name}.squeeze(-1)" if given[-1:] == (1,) and same(given[:-1], shape[: len(given) - 1]) else ""
    raise ShapeError(f"{name} has shape {given}; it goes along the leading axes of the values, so {allowed}{hint}")


def broadcasts(given: tuple, shape: tuple) -> bool:
    """Return whether ``given`` has the rank of ``shape`` and its lengths or ones."""
    return len(given) == len(shape) and all(
        a is None or b is None or a == b or a == 1 for a, b in zip(given, shape, strict=True)
    )
