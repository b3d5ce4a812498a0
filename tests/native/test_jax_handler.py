"""Where the kernel of JAX's cross-entropy runs and where it must not: devices, exports, refusals, other versions."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from frameworks import require
from lossmith import native

jax = require("jax")

import jax.numpy as jnp  # noqa: E402

from lossmith.jax import fast_rows, lowering  # noqa: E402
from lossmith.jax import softmax_cross_entropy_with_integer_labels as loss  # noqa: E402

pytestmark = pytest.mark.skipif(not native.has_native(), reason="no native core")
ROOT = Path(__file__).parents[2]
TARGET = fast_rows.LABELS.target


def mean(logits: Any, labels: Any) -> Any:
    return jnp.mean(loss(logits, labels))


def batch(rows: int = 6, classes: int = 10, dtype: str = "float32") -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return jnp.asarray(rng.standard_normal((rows, classes)), dtype), jnp.asarray(np.arange(rows) % classes, jnp.int32)


def run(program: str, **environment: str) -> str:
    """Return what a program prints in a Python of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_training_step_neither_copies_nor_scales_the_gradient() -> None:
    logits, labels = batch(64, 100, "bfloat16")
    program = jax.jit(jax.value_and_grad(lambda x: mean(x, labels))).lower(logits).compile().as_text()
    lines = [line.split(" = ", 1)[1] for line in program[program.index("ENTRY") :].splitlines() if " = " in line]
    makers = {line.split("(")[0].split()[-1] for line in lines if line.startswith("bf16[64,100]")}
    assert makers == {"parameter", "custom-call", "get-tuple-element"}


def test_the_forward_pass_of_checkpoint_computes_no_gradient() -> None:
    def chunked(x: Any) -> Any:
        def chunk(total: Any, rows: Any) -> tuple[Any, None]:
            return total + jnp.sum(loss(2.0 * rows, labels)), None

        return jax.lax.scan(jax.checkpoint(chunk), 0.0, x.reshape(3, 2, 10))[0]

    logits, labels = batch()
    labels = labels[:2]
    passes = re.findall(
        r"lossmith_softmax_cross_entropy_(\w+)", str(jax.make_jaxpr(jax.value_and_grad(chunked))(logits))
    )
    assert passes == ["value", "both", "backward"]


def test_other_platforms_get_the_formula() -> None:
    given = batch()
    traced = jax.jit(jax.value_and_grad(mean)).trace(*given)
    assert TARGET in traced.lower().as_text()
    for platform in ("cuda", "tpu"):
        assert TARGET not in traced.lower(lowering_platforms=(platform,)).as_text()


def test_exports_hold_the_formula_with_any_number_of_rows() -> None:
    from jax import export

    (rows,) = export.symbolic_shape("n")
    logits, labels = jax.ShapeDtypeStruct((rows, 10), jnp.float32), jax.ShapeDtypeStruct((rows,), jnp.int32)
    exported = export.export(jax.jit(jax.value_and_grad(mean)))(logits, labels)
    again = export.deserialize(exported.serialize(vjp_order=1))
    given = batch(7)
    for mine, other in zip(again.call(*given), jax.jit(jax.value_and_grad(mean))(*given), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(jax.grad(lambda x: again.call(x, given[1])[0])(given[0]), again.call(*given)[1])


@pytest.mark.parametrize(
    "refusal",
    [lambda *_, **__: (_ for _ in ()).throw(RuntimeError("version 0.1 is not supported")), None],
    ids=["the handler", "the call"],
)
def test_a_refused_handler_leaves_the_formula(refusal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given = batch()
    expected = jax.jit(jax.value_and_grad(mean))(*given)
    lowering.registered.cache_clear()
    monkeypatch.setattr(lowering, "register_ffi_target", refusal)
    try:
        refused = jax.jit(lambda *a: jax.value_and_grad(mean)(*a))
        assert TARGET not in refused.lower(*given).as_text()
        for mine, other in zip(refused(*given), expected, strict=True):
            np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-7)
    finally:
        lowering.registered.cache_clear()


@pytest.mark.parametrize("missing", ["supported", "native"])
def test_without_jaxs_part_or_ours_there_is_the_formula(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = batch()
    if missing == "native":
        monkeypatch.setattr(native, "_core", None)
    else:
        monkeypatch.setattr(lowering, "supported", False)
    jaxpr = str(jax.make_jaxpr(jax.grad(mean))(*given))
    assert "lossmith" not in jaxpr
    monkeypatch.undo()
    assert "lossmith_softmax_cross_entropy_backward" in str(jax.make_jaxpr(jax.grad(lambda *a: mean(*a)))(*given))


def test_a_call_that_makes_no_sense_is_an_error_and_no_crash() -> None:
    assert lowering.registered(fast_rows.LABELS)
    logits, labels = batch()
    calls: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
        ((logits, labels), {"pass": np.int64(7)}, "unexpected arguments"),
        ((logits, labels), {}, "unexpected arguments"),
        ((logits, labels), {"pass": np.int64(2)}, "unexpected arguments"),
        ((logits, labels), {"pass": np.int64(0), "shares": np.int64(1)}, "unexpected arguments"),
        ((logits, labels, logits), {"pass": np.int64(0), "weighted": np.int64(1)}, "unexpected arguments"),
        ((logits, labels[:3]), {"pass": np.int64(0)}, "unexpected arguments"),
        ((logits, labels.astype(jnp.int16)), {"pass": np.int64(0)}, "unexpected arguments"),
        ((labels, labels), {"pass": np.int64(0)}, "logits of a type"),
        ((logits, labels, -jnp.ones(10)), {"pass": np.int64(0), "weighted": np.int64(1)}, "class weights"),
    ]
    for operands, attributes, message in calls:
        call = jax.ffi.ffi_call(TARGET, jax.ShapeDtypeStruct((6,), jnp.float32))
        with pytest.raises(Exception, match=message):
            jax.block_until_ready(jax.jit(lambda *a, c=call, w=attributes: c(*a, **w))(*operands))


TWO_DEVICES = """
import numpy as np, jax, jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
import lossmith as lm
from lossmith.jax import fast_elements, fast_rows, softmax_cross_entropy_with_integer_labels as loss
TARGET = fast_rows.LABELS.target

assert jax.device_count() == 2
mesh = Mesh(np.array(jax.devices()), ("d",))
x, y = np.random.default_rng(0).standard_normal((8, 10)).astype(np.float32), np.arange(8) % 10
f = jax.value_and_grad(lambda x, y: jnp.mean(loss(x, y)))
one = jax.jit(f)
assert TARGET in one.lower(x, y).as_text()
expected = one(x, y)

def check(result):
    for mine, other in zip(result, expected):
        np.testing.assert_allclose(mine, other, rtol=1e-6, atol=1e-7)

for spec in (P("d"), P(None, "d"), P()):
    given = jax.device_put(x, NamedSharding(mesh, spec)), jax.device_put(y, NamedSharding(mesh, P()))
    assert TARGET not in one.lower(*given).as_text()
    check(one(*given))
    check(f(*given))  # un-jitted
second = jax.device_put(x, jax.devices()[1]), jax.device_put(y, jax.devices()[1])
check(one(*second))
rows = jax.jit(jax.shard_map(loss, mesh=mesh, in_specs=P("d"), out_specs=P("d")))
assert TARGET not in rows.lower(x, y).as_text()
np.testing.assert_allclose(rows(x, y), loss(jnp.asarray(x), jnp.asarray(y)), rtol=1e-6)
total = jax.shard_map(
    lambda x, y: jax.lax.psum(jnp.sum(loss(x, y)), "d") / 8, mesh=mesh, in_specs=P("d"), out_specs=P())
check(jax.jit(jax.value_and_grad(total))(x, y))
t = np.ascontiguousarray(np.broadcast_to(np.float32(0.1), x.shape))
g = jax.value_and_grad(lambda x, t: lm.huber(x, t) + lm.softmax_cross_entropy(x, t))
fast_elements.LEAST = 1
assert jax.jit(g).lower(x, t).as_text().count("@lossmith_") == 4
expected = g(jnp.asarray(x), jnp.asarray(t))
for spec in (P("d"), P(None, "d"), P()):
    given = [jax.device_put(a, NamedSharding(mesh, spec)) for a in (x, t)]
    assert "@lossmith_" not in jax.jit(g).lower(*given).as_text()
    check(jax.jit(g)(*given))
parts = jax.jit(jax.shard_map(lambda x, t: jax.lax.pmean(g(x, t)[0], "d"), mesh=mesh, in_specs=P("d"), out_specs=P()))
np.testing.assert_allclose(parts(x, t), expected[0], rtol=1e-6)
np.testing.assert_allclose(
    jax.pmap(loss)(x.reshape(2, 4, 10), y.reshape(2, 4)).reshape(8), loss(jnp.asarray(x), jnp.asarray(y)), rtol=1e-6)
"""


def test_two_devices() -> None:
    run(TWO_DEVICES, XLA_FLAGS="--xla_force_host_platform_device_count=2")


BITS = """
import hashlib, numpy as np, jax, jax.numpy as jnp
from lossmith.jax import fast_rows, softmax_cross_entropy_with_integer_labels as loss
TARGET = fast_rows.LABELS.target

f = jax.jit(jax.value_and_grad(lambda x, y: jnp.sum(loss(x, y))))
for shape in ((9000, 10), (300, 1000), (3, 300_000)):
    rng = np.random.default_rng(0)
    given = rng.standard_normal(shape).astype(np.float32), rng.integers(0, shape[1], shape[0])
    assert TARGET in f.lower(*given).as_text()
    gradient = f(*given)[1]
    print(hashlib.sha256(np.asarray(gradient).tobytes()).hexdigest())
"""


def test_results_are_the_same_with_and_without_xlas_threads() -> None:
    assert run(BITS) == run(BITS, XLA_FLAGS="--xla_cpu_multi_thread_eigen=false")


LAZY = """
import sys, lossmith.jax as lj, jax, jax.numpy as jnp
from jax._src import xla_bridge
from lossmith.jax import lowering

shapes = jax.ShapeDtypeStruct((4, 3), jnp.float32), jax.ShapeDtypeStruct((4,), jnp.int32)
jax.eval_shape(jax.grad(lambda x, y: lj.softmax_cross_entropy_with_integer_labels(x, y, reduction="mean")), *shapes)
assert not xla_bridge.backends_are_initialized()
assert lowering.registered.cache_info().currsize == 0
"""


def test_import_and_tracing_wake_nothing() -> None:
    run(LAZY)


def test_our_declarations_lie_like_xlas() -> None:
    compiler = shutil.which("g++") or shutil.which("clang++")
    headers = Path(jax.ffi.include_dir())
    if compiler is None or not (headers / "xla/ffi/api/c_api.h").exists():
        pytest.skip("needs a C++ compiler and the headers of jaxlib")
    ours = ROOT / "src/lossmith/native"
    source = Path(__file__).with_name("ffi_layout.cpp")
    command = [compiler, "-std=c++17", "-fsyntax-only", "-Wall", "-Wextra", f"-I{ours}", f"-isystem{headers}", source]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
