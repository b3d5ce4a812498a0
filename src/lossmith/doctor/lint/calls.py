"""What calls are worth: of a framework's names, of what they make, and of its methods; and what happens in them."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from . import formulas, layers, losses
from .evaluate import LOGS, Arguments, Evaluator, Scope
from .events import Activated, ClassCall, Compile, Logarithm, LossCall, Metric
from .syntax import changes_layers
from .values import (
    Chain,
    Class,
    Const,
    Function,
    Functional,
    Group,
    Instance,
    Layer,
    LossObject,
    Method,
    Ref,
    Table,
    Tensor,
)

_HARMLESS = frozenset(
    {"print", "len", "list", "tuple", "enumerate", "zip", "range", "isinstance", "str", "sum", "type"}
)
_SELF = frozenset({"to", "cuda", "cpu", "train", "eval", "float", "double", "half", "requires_grad_", "share_memory"})
_OF_TENSORS = frozenset({"softmax", "log_softmax", "sigmoid", "argmax"})
_OF_LOSS = frozenset({"mean", "sum", "to", "cuda", "float", "cpu", "double"})


class Calls(Evaluator):
    """Adds calls to :class:`~.evaluate.Evaluator`."""

    # --- calls --------------------------------------------------------------------------------------------------------
    def arguments(self, node: ast.Call, scope: Scope) -> Arguments:
        """Return the arguments of a call."""
        listed = self._on_List(ast.List(elts=node.args, ctx=ast.Load()), scope)
        kwargs: dict[str, Any] = {}
        nodes: dict[Any, ast.expr] = dict(enumerate(node.args))
        unsure = not listed.whole
        for keyword in node.keywords:
            value = self.evaluate(keyword.value, scope)
            if keyword.arg is None:
                unsure = True
            else:
                kwargs[keyword.arg] = value
                nodes[keyword.arg] = keyword.value
        return Arguments(listed.items, kwargs, nodes, unsure)

    def _on_Call(self, node: ast.Call, scope: Scope) -> Any:
        if _is_super(node.func):
            return self.super_call(node.func.attr, self.arguments(node, scope))  # pyrefly: ignore
        called = self.evaluate(node.func, scope)
        given = self.arguments(node, scope)
        if isinstance(called, Ref):
            return self._call_ref(called.name, node, given)
        if isinstance(called, Method):
            return self._call_method(called, node, given, scope)
        if called is None and isinstance(node.func, ast.Attribute):
            self._method_of_unknown(node, given)
            return self._passed_through(node.func.attr, node, given)
        if not isinstance(called, LossObject | Layer | Chain | Functional):
            self._escape(called, node, scope)
        return self.call(called, node, given)

    def call(self, called: Any, node: ast.Call, given: Arguments) -> Any:
        """Return what calling a value gives."""
        if isinstance(called, LossObject):
            return self._loss_called(called.spec, node, given)
        if isinstance(called, Layer | Chain | Functional):
            return self.feed(called, given.args[0] if given.args else None, node)
        if isinstance(called, Function):
            return self.call_function(called, given)
        if isinstance(called, Class):
            return self.construct(called, given)
        return self.call_instance(called, given) if isinstance(called, Instance) else None

    def feed(self, layer: Any, x: Any, node: ast.AST) -> Any:
        """Return what a layer or model makes of ``x``."""
        if isinstance(layer, Layer):
            after = layers.apply(layer, x)
            if layer.activation in layers.BOUNDED and layer.effect == "activation":
                self.events.append(Activated(node, after))
            return after
        if isinstance(layer, Chain):
            for one in layer.layers:
                x = self.feed(one, x, node)
            return x if isinstance(x, Tensor) else Tensor(predicted=True)
        if isinstance(layer, Functional):
            return layer.outputs[0] if not layer.several else Group(layer.outputs)
        if isinstance(layer, Instance):
            return self.call_instance(layer, Arguments((x,), {}, {}, False))
        return None

    def output_of(self, model: Any, node: ast.AST) -> Any:
        """Return the output of a Keras model."""
        return self.feed(model, None, node) if isinstance(model, Chain | Functional | Instance) else None

    # --- calls of a framework's names ---------------------------------------------------------------------------------
    def _call_ref(self, name: str, node: ast.Call, given: Arguments) -> Any:
        args, first = given.args, given.args[0] if given.args else given.kwargs.get("input")
        if name in ("torch.nn.Sequential", "keras.Sequential"):
            return self._sequential(name, given)
        if name == "keras.Model":
            return self._functional(given)
        if name in layers.WRAPPERS:
            return first
        if name in ("torch.tensor", "torch.FloatTensor", "torch.Tensor", "torch.as_tensor"):
            return first if isinstance(first, Group) else None
        if name in ("keras.ops.maximum", "torch.maximum", "torch.max") and len(args) == 1:
            return None
        if name in ("torch.max", "torch.min", "torch.topk"):
            return Group((None, Tensor(hard="argmax")))
        if name == "collections.OrderedDict":
            return first
        if name.startswith("keras.metrics."):
            return Metric(name.rpartition(".")[2], given.kwargs.get("threshold"), True)
        made = layers.layer(name, args, given.kwargs, node.lineno, given.unsure)
        if made is not None:
            return self._made_layer(made, node)
        if losses.is_class(name):
            return self._loss_class(name, node, given)
        function = losses.loss(name, (), given.kwargs, node.lineno, given.unsure)
        if function is not None:
            return self._loss_called(function, node, given)
        if name in LOGS:
            return self._logarithm(first, node)
        short = layers.function_name(name)
        axis = given.kwargs.get("dim", given.kwargs.get("axis", args[1] if len(args) > 1 else None))
        return self._function(short, first, axis, node) if short else None

    def _made_layer(self, made: Layer, node: ast.Call) -> Layer:
        if made.effect == "weights" and made.activation == "softmax":
            self.events.append(Activated(node, layers.apply(made, None)))
        return made

    def _function(self, short: str, x: Any, axis: Any, node: ast.Call) -> Any:
        after = layers.apply_function(short, x, axis, node.lineno, ast.unparse(node.func))
        if after is not None and after.activation in layers.BOUNDED and after is not x:
            self.events.append(Activated(node, after))
        return after

    def _logarithm(self, x: Any, node: ast.Call) -> Any:
        quotient = formulas.softmax_by_hand(node.args[0]) if node.args else None
        if quotient is not None:
            self._log_by_hand(quotient, node, f"log(exp({quotient}) / sum(exp({quotient})))")
        if not isinstance(x, Tensor) or x.activation not in ("softmax", "sigmoid"):
            return None
        complement = x.shown.startswith("1 - ")
        if not x.guarded:
            self.events.append(Logarithm(node, x, ast.unparse(node.func), complement))
        if complement:
            return None
        return replace(x, activation=f"log_{x.activation}", shown=f"log of {x.shown}")

    def _sequential(self, name: str, given: Arguments) -> Any:
        framework = name.partition(".")[0]
        items: tuple[Any, ...] = given.args
        if framework == "keras":
            inner = given.args[0] if given.args else given.kwargs.get("layers", Group(()))
            items = inner.items if isinstance(inner, Group) else (None,)
        elif len(items) == 1 and isinstance(items[0], Group):  # an OrderedDict of pairs
            pairs = items[0].items
            items = tuple(p.items[1] if isinstance(p, Group) and len(p.items) == 2 else None for p in pairs)
        return Chain(framework, tuple(items))

    def _functional(self, given: Arguments) -> Any:
        outputs = given.kwargs.get("outputs", given.args[1] if len(given.args) > 1 else None)
        if isinstance(outputs, Group):
            return Functional(outputs.items, len(outputs.items) > 1) if outputs.whole and outputs.items else None
        return Functional((outputs,)) if isinstance(outputs, Tensor) else None

    # --- losses -------------------------------------------------------------------------------------------------------
    def _loss_class(self, name: str, node: ast.Call, given: Arguments) -> Any:
        spec = losses.loss(name, given.args, given.kwargs, node.lineno, given.unsure)
        if spec is None:
            return None
        positional = [a for a in node.args if not isinstance(a, ast.Constant | ast.Starred)]
        if len(positional) >= 2 and len(node.args) == len(positional) and spec.framework in ("torch", "lossmith"):
            call = ClassCall(spec, node, given.args[0])
            self.events.append(call)
            return call
        return LossObject(spec)

    def _loss_called(self, spec: Any, node: ast.Call, given: Arguments) -> Any:
        found = None if given.unsure else losses.sides(spec, given.args, given.kwargs, given.nodes)
        if found is None:
            return None
        prediction, target, p_node, t_node = found
        call = LossCall(spec, prediction, target, node, (_name_of(p_node), _name_of(t_node)))
        self.events.append(call)
        return call

    def trained(self, value: Any) -> None:
        """Note that a gradient of this value is taken."""
        if isinstance(value, LossCall):
            value.trained = True
        elif isinstance(value, ClassCall):
            value.used = True
        elif isinstance(value, Table):
            self.trained(value.get("loss"))

    # --- methods ------------------------------------------------------------------------------------------------------
    def _call_method(self, method: Method, node: ast.Call, given: Arguments, scope: Scope) -> Any:
        owner, name = method.owner, method.name
        if isinstance(owner, LossCall | ClassCall):
            return self._method_of_loss(owner, name)
        if isinstance(owner, Tensor):
            return self._method_of_tensor(owner, name, node, given, scope)
        if name == "compile" and isinstance(owner, Chain | Functional | Instance):
            return self._compile(self.output_of(owner, node), node, given)
        if name in ("manual_backward", "gradient") and given.args:
            self.trained(given.args[0])
        if isinstance(owner, Chain | Functional | LossObject | Layer | Instance) and name in _SELF:
            return owner
        if isinstance(owner, Chain | Group) and name in ("add", "append", "add_module"):
            self._grow(owner, node, given, scope)
        elif isinstance(owner, Chain | Group | Functional | Table) and name in ("pop", "insert", "extend", "update"):
            self.forget(node.func, scope)
        return None

    def _method_of_loss(self, owner: LossCall | ClassCall, name: str) -> Any:
        if name == "backward":
            self.trained(owner)
        elif name == "item" and isinstance(owner, ClassCall):
            owner.used = True
        return owner if name in _OF_LOSS else None

    def _method_of_tensor(self, owner: Tensor, name: str, node: ast.Call, given: Arguments, scope: Scope) -> Any:
        if name == "log":
            return self._logarithm(owner, node)
        if name.endswith("_") and name != "requires_grad_":  # in place
            self.forget(node.func, scope)
            return None
        if name in ("max", "min", "topk") and (given.args or given.kwargs):
            return Group((None, Tensor(hard="argmax")))
        axis = given.kwargs.get("dim", given.args[0] if given.args else None)
        return self._function_of(name, owner, axis, node)

    def _function_of(self, name: str, owner: Tensor | None, axis: Any, node: ast.Call) -> Any:
        after = layers.apply_function(name, owner, axis, node.lineno, f".{name}()")
        before = "" if owner is None else owner.shown
        applied = after is not None and after.activation in layers.BOUNDED and after.shown != before
        if applied and after is not None:
            self.events.append(Activated(node, after))
        return after

    def _method_of_unknown(self, node: ast.Call, given: Arguments) -> None:
        if not isinstance(node.func, ast.Attribute):
            return
        if node.func.attr == "compile" and "loss" in given.kwargs:
            self._compile(None, node, given)
        if node.func.attr in ("gradient", "backward") and given.args:
            self.trained(given.args[0])

    def _passed_through(self, name: str, node: ast.Call, given: Arguments) -> Any:
        """Return what a method of something unknown gives: a scaled loss, an activation of a tensor."""
        first = given.args[0] if given.args else None
        if name == "scale" and isinstance(first, LossCall):
            return first
        bare = len(given.args) <= 1 and isinstance(first, Const | None) and given.kwargs.keys() <= {"dim", "axis"}
        if name not in _OF_TENSORS or not bare or (given.args and first is None):
            return None
        return self._function_of(name, None, given.kwargs.get("dim", first), node)

    def _grow(self, owner: Chain | Group, node: ast.Call, given: Arguments, scope: Scope) -> None:
        item = given.args[-1] if given.args else given.kwargs.get("layer")
        grown: Any
        if isinstance(owner, Chain):
            grown = Chain(owner.framework, (*owner.layers, item))
        else:
            grown = Group((*owner.items, item), owner.whole)
        self.assign(node.func.value, grown, scope) if isinstance(node.func, ast.Attribute) else None

    def forget(self, func: ast.expr, scope: Scope) -> None:
        """Note that the owner of a method is not known any more."""
        if isinstance(func, ast.Attribute):
            self.assign(func.value, None, scope)

    def _escape(self, called: Any, node: ast.Call, scope: Scope) -> None:
        """Forget models and lists that are handed to functions, where these may change them."""
        if isinstance(node.func, ast.Name) and node.func.id in _HARMLESS:
            return
        torch_too = isinstance(called, Function) and changes_layers(called.node)
        for argument in (*node.args, *(k.value for k in node.keywords)):
            if isinstance(argument, ast.Name):
                value = scope.lookup(argument.id)
                if isinstance(value, Group) or (isinstance(value, Chain) and (torch_too or value.framework == "keras")):
                    scope.names[argument.id] = None

    # --- compile ------------------------------------------------------------------------------------------------------
    def _compile(self, output: Any, node: ast.Call, given: Arguments) -> None:
        loss = given.kwargs.get("loss", given.args[1] if len(given.args) > 1 else None)
        where = given.nodes.get("loss", given.nodes.get(1, node))
        metrics = given.kwargs.get("metrics", given.args[2] if len(given.args) > 2 else None)
        if (
            isinstance(loss, Group)
            and loss.whole
            and isinstance(output, Group)
            and len(loss.items) == len(output.items)
        ):
            for one, value in zip(output.items, loss.items, strict=True):
                self._compiled_one(one, value, where, None, node)
        elif not isinstance(loss, Group | Table) and not isinstance(output, Group):
            self._compiled_one(output, loss, where, metrics, node)

    def _compiled_one(self, output: Any, loss: Any, where: ast.AST, metrics: Any, node: ast.Call) -> None:
        spec, function = None, None
        if isinstance(loss, Const) and isinstance(loss.value, str):
            spec = losses.named(loss.value, node.lineno)
        elif isinstance(loss, LossObject):
            spec = loss.spec
        elif isinstance(loss, Ref):
            spec = losses.loss(loss.name, (), {}, node.lineno, False)
        elif isinstance(loss, Function):
            function = loss.node
        shown = tuple(m for m in map(_metric, metrics.items) if m) if isinstance(metrics, Group) else ()
        self.events.append(Compile(node, output, spec, where, shown, function))


def _is_super(func: ast.expr) -> bool:
    inner = func.value if isinstance(func, ast.Attribute) else None
    return isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id == "super"


def _metric(value: Any) -> Metric | None:
    if isinstance(value, Const) and isinstance(value.value, str):
        return Metric(value.value)
    if isinstance(value, Ref) and value.name.startswith("keras.metrics."):
        return Metric(value.name.rpartition(".")[2])
    return value if isinstance(value, Metric) else None


def _name_of(node: ast.AST | None) -> str:
    """Return the name that an argument goes by: ``y`` of ``y.long()``, ``labels`` of ``batch.labels``."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
