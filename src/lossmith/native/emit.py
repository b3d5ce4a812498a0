"""C++ from definitions: writes the headers of the elementwise losses, so that no formula is typed twice.

After a change of a definition run ``python -m lossmith.native.emit``; a test fails until then. It prints which losses
it leaves out and why: those with an operation that has no version on lanes.

Each loss becomes one or more formulas, one for each way through the branches that its definition takes on parameters.
``elementwise_formulas.hpp`` has a struct for each, whose ``both`` computes value and gradient of one vector of elements
(the compiler leaves the gradient out where it is not used). Exponentials, logarithms and the like are long chains of
steps that wait for each other, so a formula with several of them comes in stages, each a loop of its own over a few
hundred elements: in a short loop the CPU works on many vectors at once. What a stage computes is kept for the next.
``elementwise_losses.hpp`` has the names of the losses and their parameters, how to choose the formula, and the numbers
that all elements share.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

from ..losses import Loss, losses
from . import symbols
from .printer import Printer, arguments, bare, condition_text
from .symbols import Lanes, Node, Number, Untraceable

_GENERATED = "Generated from the definitions by `python -m lossmith.native.emit`; do not edit."
_FORMULAS = f"""\
// The elementwise losses on lanes. {_GENERATED}
//
// p: prediction, t: target, e: the extra array of a loss that has one; u: the numbers that all elements share, which
// are in elementwise_losses.hpp.
//
// A formula has `functions` calls of functions that are long. If it has `stages`, they are called one after the other,
// and each leaves what it computes in k, of which there are `kept` for each element.
#pragma once

#include <cstdint>
#include <type_traits>

#include "elementwise_math.hpp"

// Not every formula reads all of its arguments.
#define LOSSMITH_ARGUMENTS \\
  [[maybe_unused]] const T *u, [[maybe_unused]] V p, [[maybe_unused]] V t, [[maybe_unused]] V e, \\
      [[maybe_unused]] Kept<T> k
#define LOSSMITH_STAGE(number) \\
  template <bool with_gradient> \\
  LOSSMITH_INLINE static void stage(std::integral_constant<int, number>, LOSSMITH_ARGUMENTS)
#define LOSSMITH_BOTH LOSSMITH_INLINE static void both(LOSSMITH_ARGUMENTS, V &value, V &gradient)

namespace lossmith {{

// The elements that go through all stages before the next ones do.
constexpr std::int64_t elements_per_stage = 256;

// What stages leave for each other: this vector's place in rows of elements_per_stage.
template <typename T> struct Kept {{
  T *place;
  LOSSMITH_INLINE Lanes<T> operator[](int row) const {{ return load(place + row * elements_per_stage); }}
  LOSSMITH_INLINE void keep(int row, Lanes<T> x) const {{ store<T>(place + row * elements_per_stage, x); }}
}};

namespace formulas {{

template <typename T> LOSSMITH_INLINE Lanes<T> all(T x) {{ return broadcast<T>(x); }}
%s
}} // namespace formulas

#undef LOSSMITH_BOTH
#undef LOSSMITH_STAGE
#undef LOSSMITH_ARGUMENTS

#define LOSSMITH_FORMULAS(F)%s

}} // namespace lossmith
"""
_LOSSES = f"""\
// The elementwise losses by name. {_GENERATED}
//
// q: the parameters, as doubles, in the order of the definition (NaN for None, 0 or 1 for a switch); u: what all
// elements share, computed from them.
#pragma once

#include <cmath>

namespace lossmith {{

constexpr int most_parameters = %d, most_shared_numbers = %d;

struct ElementwiseLoss {{
  const char *name, *parameters, *extra;      // parameters: their names, with commas between; extra: "" for none
  int (*formula)(const double *q, double *u); // returns the number of the formula and fills u
}};

namespace formulas {{
%s
}} // namespace formulas

constexpr ElementwiseLoss elementwise_losses[] = {{
%s}};

}} // namespace lossmith
"""
_ARRAYS = ("p", "t", "e")


@dataclass(frozen=True)
class Formula:
    """One way through a definition: the expressions of value and gradient, and the conditions that must hold.

    Conditions that must not hold need no mention: the formulas before this one are those for where they do.
    """

    conditions: tuple[str, ...]
    value: Lanes
    gradient: Lanes


@dataclass(frozen=True)
class Traced:
    """All formulas of one loss."""

    loss: Loss
    formulas: tuple[Formula, ...]


def trace(loss: Loss) -> Traced:
    """Return the formulas of a loss.

    Raises:
        Untraceable: The definition uses what has no version on lanes.
    """
    symbols.forget()
    if len(loss.extras) > 1:
        raise Untraceable("more than one extra array")
    arrays = [Lanes("array", name) for name in _ARRAYS]
    extras = {extra.name: array for extra, array in zip(loss.extras, arrays[2:], strict=False)}
    found = []
    for given in product(*(_choices(i, p) for i, p in enumerate(loss.parameters))):
        parameters = {p.name: value for p, (value, _) in zip(loss.parameters, given, strict=True)} | extras
        known = [text for _, text in given if text]

        def run(parameters: dict[str, Any] = parameters) -> tuple[Lanes, Lanes]:
            arguments = (symbols, *arrays[:2])
            return (
                symbols.lanes(loss.value(*arguments, **parameters)),
                symbols.lanes(loss.gradient(*arguments, **parameters)),
            )

        with _traced_math():
            for taken, (value, gradient) in symbols.paths(run):
                holding = [condition_text(condition) for condition, outcome in taken if outcome]
                found.append(Formula((*known, *holding), value, gradient))
    return Traced(loss, tuple(found))


def _choices(index: int, parameter: Any) -> list[tuple[Any, str]]:
    """What a parameter may be while tracing, each with the C++ condition for it ("" for what is left)."""
    q = f"q[{index}]"
    if parameter.kind == "bool":
        return [(True, f"{q} != 0"), (False, "")]
    if parameter.default is None:
        return [(None, f"std::isnan({q})"), (Number("parameter", index), "")]
    return [(Number("parameter", index), "")]


@contextmanager
def _traced_math() -> Iterator[None]:
    """Let definitions that call Python's math on a parameter call the symbolic one."""
    modules = [m for n, m in sys.modules.items() if n.startswith(("lossmith.losses", "lossmith.arrays.composite"))]
    users = [m for m in modules if getattr(m, "math", None) is math]
    for module in users:
        _set_math(module, symbols.math)
    try:
        yield
    finally:
        for module in users:
            _set_math(module, math)


def _set_math(module: ModuleType, value: Any) -> None:
    setattr(module, "math", value)  # noqa: B010


def _body(head: str, lines: list[str]) -> str:
    return f"  {head} {{\n{''.join(f'    {line}{chr(10)}' for line in lines)}  }}\n"


def _reached(*outputs: Node) -> list[Node]:
    """Every node that the outputs need, each after those it is computed from."""
    found: dict[Node, None] = {}

    def visit(node: Node) -> None:
        if node not in found:
            for argument in arguments(node):
                visit(argument)
            found[node] = None

    for node in outputs:
        visit(node)
    return list(found)


def _stages(formula: Formula) -> list[list[Node]]:
    """The long functions of a formula, those first that wait for no other; none if there are too few to pay for it."""
    level: dict[Node, int] = {}
    stages: list[list[Node]] = []
    for node in _reached(formula.value, formula.gradient):
        level[node] = max((level[a] for a in arguments(node)), default=0)
        if node.op in symbols.LONG:
            stages += [[]] * (level[node] == len(stages))
            stages[level[node]] = [*stages[level[node]], node]
            level[node] += 1
    return stages


def _struct(name: str, formula: Formula) -> tuple[str, list[str]]:
    """Return the C++ of a formula, and its shared numbers."""
    stages, shared, kept, parts = _stages(formula), list[str](), dict[Node, int](), list[str]()
    functions = sum(map(len, stages))
    if functions < 2:
        stages = []
    for_value = set(_reached(formula.value))
    for number, nodes in enumerate(stages):
        printer = Printer(nodes, kept, shared)
        places = {node: len(kept) + i for i, node in enumerate(nodes)}
        printer.keep(places, lambda node: node in for_value)
        start = len(printer.lines)
        printer.keep(places, lambda node: node not in for_value)
        rest = printer.lines[start:]
        if rest:
            rest = ["if constexpr (with_gradient) {", *(f"  {line}" for line in rest), "}"]
        parts.append(_body(f"LOSSMITH_STAGE({number})", [*printer.lines[:start], *rest]))
        kept |= places
    printer = Printer((formula.value, formula.gradient), kept, shared)
    for target, node in (("value", formula.value), ("gradient", formula.gradient)):
        printer.lines.append(f"{target} = {bare(printer.text(node))};")
    parts.append(_body("LOSSMITH_BOTH", printer.lines))
    head = f"template <typename T> struct {name} {{\n  using V = Lanes<T>;\n"
    counts = f"  static constexpr int functions = {functions}, stages = {len(stages)}, kept = {len(kept)};\n"
    return f"{head}{counts}{''.join(parts)}}};\n", shared


def all_traced() -> tuple[list[Traced], dict[str, str]]:
    """Return the losses that can be emitted, and why others with one value per element cannot."""
    found, left_out = [], {}
    for loss in losses():
        if loss.layout != "element":
            continue
        try:
            found.append(trace(loss))
        except Untraceable as reason:
            left_out[loss.name] = str(reason)
    return found, left_out


def headers() -> dict[str, str]:
    """Return the text of each generated header, by its name."""
    structs, names, choosers, records, most = list[str](), list[str](), list[str](), list[str](), 1
    for entry in all_traced()[0]:
        first, several, cases = len(names), len(entry.formulas) > 1, list[str]()
        structs.append(f"\n// {_signature(entry.loss)}\n")
        for i, formula in enumerate(entry.formulas):
            names.append(f"{entry.loss.object_name}{i if several else ''}")
            struct, shared = _struct(names[-1], formula)
            structs.append(struct)
            cases.append(_case(first + i, formula, shared, last=formula is entry.formulas[-1]))
            most = max(most, len(shared))
        choosers.append(_chooser(entry.loss, cases))
        records.append(_record(entry.loss))
    parameters = max(len(entry.loss.parameters) for entry in all_traced()[0])
    listed = "".join(f" \\\n  F({name})" for name in names)
    return {
        "elementwise_formulas.hpp": _FORMULAS % ("".join(structs), listed),
        "elementwise_losses.hpp": _LOSSES % (parameters, most, "".join(choosers), "".join(records)),
    }


def _signature(loss: Loss) -> str:
    arrays = ["p", "t", *(f"{e.name} = e" for e in loss.extras)]
    parameters = [f"{p.name} = q[{i}]" for i, p in enumerate(loss.parameters)]
    return f"{loss.name}({', '.join([*arrays, *parameters])})"


def _chooser(loss: Loss, cases: list[str]) -> str:
    """A function from parameters to the number of the formula: the first one whose conditions hold."""
    arguments = "[[maybe_unused]] const double *q, [[maybe_unused]] double *u"
    return f"\n// {_signature(loss)}\ninline int {loss.name}({arguments}) {{\n{''.join(cases)}}}\n"


def _case(number: int, formula: Formula, shared: list[str], last: bool) -> str:
    body = [f"u[{i}] = {bare(text)};" for i, text in enumerate(shared)] + [f"return {number};"]
    if last:
        return "".join(f"  {line}\n" for line in body)
    return f"  if ({' && '.join(formula.conditions)}) {{\n{''.join(f'    {line}{chr(10)}' for line in body)}  }}\n"


def _record(loss: Loss) -> str:
    parameters, extra = ",".join(p.name for p in loss.parameters), "".join(e.name for e in loss.extras)
    return f'    {{"{loss.name}", "{parameters}", "{extra}", formulas::{loss.name}}},\n'


if __name__ == "__main__":
    for header, text in headers().items():
        path = Path(__file__).with_name(header)
        path.write_text(text, encoding="utf-8")
        print(path)
    for name, reason in all_traced()[1].items():
        print(f"left out: {name} ({reason})")
