"""Docstrings of the public functions and classes, written from the definitions."""

from __future__ import annotations

import textwrap

from .. import formula
from ..losses import Loss
from .arguments import PER_CALL, settings_of

_EXTRA_SHAPE = {"values": "one per value, or per leading axes of them", "prediction": "the prediction's shape"}
_OPTION_TEXT = {
    "weight": "Factors, not negative, along the leading axes of the values: (N,) for (N,) or (N, F).",
    "mask": "Booleans along the same axes; False leaves the value out of sum, count and gradient, NaN included.",
    "ignore_index": "Target value (class) that is left out likewise.",
    "axis": "The axis that the loss consumes: the classes or features.",
    "region": 'What is scored as one: each "sample" of the first axis, or the whole "batch".',
    "reduction": '"mean" is Σ w·l / Σ w; "sum"; "none" for one value each; "total" for the pair (Σ w·l, Σ w).',
    "normalizer": "Number to divide the sum by in place of Σ w: the global count, when this is part of a batch.",
    "empty": 'What the mean is when nothing counts: "zero", "nan" or "error".',
}


def shapes_of(loss: Loss) -> tuple[str, str, str]:
    """Return the shapes of prediction, target and values in words."""
    if loss.layout == "element":
        return "any shape", "the same shape", "one value per element"
    if loss.coupled:
        return _coupled_shapes(loss)
    if loss.layout == "sequence":
        return "(…, T, C)", "(…, S) of any integer dtype", "one value per sequence, (…)"
    if loss.target.role == "classes":
        return "(…, C)", "(…) of any integer dtype, or (…, C)", "one value per row, (…)"
    if loss.target_per_row:
        return "(…, F)", "(…)", "one value per row, (…)"
    return "(…, F)", "(…, F)", "one value per row, (…)"


def _coupled_shapes(loss: Loss) -> tuple[str, str, str]:
    if loss.layout == "batch":
        rows = "(N,)" if loss.prediction.role == "values" else "(N, F)"
        return rows, "(N,)" if loss.target.role == "groups" else rows, "one value per row, (N,)"
    values = "one value per sample, (N,), or one in all for a region of the whole batch"
    if loss.target.role != "classes":
        return "(N, …)", "the same shape", values
    if loss.per_class:
        values = "one value per sample and class, (N, C), or (C,) for a region of the whole batch"
    return "(N, …, C)", "(N, …) of any integer dtype, or (N, …, C)", values


def function_doc(loss: Loss) -> str:
    """Return the docstring of a loss's function."""
    prediction, target, rows = shapes_of(loss)
    lines = [
        f"{loss.summary}",
        "",
        "Formula::",
        "",
        textwrap.indent(formula.text(loss.formula), "    "),
        "",
        "Gradient::",
        "",
        textwrap.indent(formula.text(loss.gradient_formula), "    "),
        "",
        "Works on lists, NumPy, PyTorch, JAX and TensorFlow arrays; half precision is computed in float32.",
        "",
        "Args:",
        f"    prediction: {prediction}; {loss.prediction.describe()}.",
        f"    target: {target}; {loss.target.describe()}.",
        *(f"    {e.name}: {_EXTRA_SHAPE[e.shape]}; {e.domain.describe()}. {e.meaning}" for e in loss.extras),
        *_parameter_lines(loss),
        *(f"    {name}: {_OPTION_TEXT[name]}" for name in (*PER_CALL, *settings_of(loss))),
        "",
        "Returns:",
        f'    A scalar; with reduction="none" {rows}. A Python float on NumPy and lists, otherwise the',
        "    framework's own array, through which gradients flow.",
        "",
        "Raises:",
        "    ShapeError: Shapes differ; nothing is broadcast.",
        "    DomainError: A value lies outside the domain, or is NaN.",
        *(["    LabelError: A class label is out of range or of the wrong kind."] if _classes(loss) else []),
        "    InputError: Any other unusable argument; the parent of the errors above.",
        "",
        "Example:",
        *textwrap.indent(_example(loss), "    ").splitlines(),
        "",
        "References:",
        *(f"    {r.text}. {r.link}" for r in loss.references),
    ]
    return "\n".join(lines)


def _classes(loss: Loss) -> bool:
    return loss.target.role in ("classes", "signs")


def _parameter_lines(loss: Loss) -> list[str]:
    numbers = ("float", "int")
    return [
        f"    {p.name}: {p.meaning}{f' A number {p.bounds()}.' if p.kind in numbers else ''}" for p in loss.parameters
    ]


def object_doc(loss: Loss) -> str:
    """Return the docstring of a loss's class."""
    lines = [
        f"{loss.title} as an object: parameters once, then ``loss(prediction, target, weight=…, mask=…)``.",
        "",
        f"{loss.summary} See :func:`lossmith.{loss.name}` for formula, shapes and errors.",
        "",
        "Args:",
        *_parameter_lines(loss),
        *(f"    {name}: {_OPTION_TEXT[name]}" for name in settings_of(loss)),
    ]
    return "\n".join(lines)


def _example(loss: Loss) -> str:
    prediction, target, value = loss.example
    arrays = ", ".join(map(str, (prediction, target, *loss.example_extras.values())))
    return f">>> import lossmith as lm\n>>> round(lm.{loss.name}({arrays}), 6)\n{value}"
