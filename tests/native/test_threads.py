"""The native kernels on many threads: the same bits, after a fork, for several callers, on libtorch's threads."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from lossmith import native

pytestmark = pytest.mark.skipif(not native.has_native(), reason="no native core")

CASES = [(40_000, 10, np.float32), (3_000, 100, np.float16), (500, 1_000, np.float32), (200, 2_500, np.float64)]


def case(rows, classes, dtype):
    rng = np.random.default_rng(rows)
    return (3 * rng.normal(size=(rows, classes))).astype(dtype), rng.integers(0, classes, rows)


def run(exec_, logits, labels, **options):
    """Call the compiled module with an executor; return sums, values and gradient."""
    rows, classes = logits.shape
    values = np.full(rows, np.nan, np.float32 if logits.dtype == np.float16 else logits.dtype)
    gradient = np.full_like(logits, np.nan)
    code = native.CODES[logits.dtype]
    sums = native._core.softmax_cross_entropy(exec_, code, logits, labels, rows, classes, values, gradient, **options)
    return sums, values, gradient


def assert_same(a, b):
    assert a[0] == b[0]
    np.testing.assert_array_equal(a[1], b[1])
    np.testing.assert_array_equal(a[2], b[2])


@pytest.mark.parametrize(("rows", "classes", "dtype"), CASES)
@pytest.mark.parametrize("options", [{}, {"mean": True, "ignores": True, "ignored": 3, "label_smoothing": 0.1}])
def test_threads_change_no_bit(rows, classes, dtype, options):
    logits, labels = case(rows, classes, dtype)
    assert_same(run(1, logits, labels, **options), run(0, logits, labels, **options))


@pytest.mark.parametrize("threads", ["1", "2", "5"])
def test_the_environment_limits_the_pool(threads):
    code = "import os; from lossmith import native; print(native._core.pool_threads(), len(os.sched_getaffinity(0)))"
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("the system does not say which CPUs a process may use")
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"LOSSMITH_NUM_THREADS": threads}, capture_output=True, text=True
    )
    pool, cpus = map(int, done.stdout.split())
    assert pool == min(int(threads), cpus)


def test_a_forked_child_computes_the_same():
    if not hasattr(os, "fork"):
        pytest.skip("no fork")
    code = """
import os, sys
import numpy as np
from lossmith import native

rng = np.random.default_rng(0)
logits, labels = rng.normal(size=(4000, 100)).astype(np.float32), rng.integers(0, 100, 4000)
before = native.softmax_cross_entropy(logits, labels)
child = os.fork()
again = native.softmax_cross_entropy(logits, labels)
same = all((a == b).all() for a, b in zip(before, again))
if child == 0:
    os._exit(0 if same else 1)
assert same and os.waitpid(child, 0)[1] == 0
print("same", native._core.pool_threads())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("same"), done.stderr


def test_callers_on_several_threads_do_not_disturb_each_other():
    logits, labels = case(500, 1_000, np.float32)
    expected = run(0, logits, labels)
    results = []

    def call():
        for _ in range(10):
            results.append(run(1, logits, labels))

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=60)
    assert len(results) == 40
    for result in results:
        assert_same(result, expected)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
def test_an_interrupt_comes_through_and_leaves_the_pool_usable():
    code = """
import os, signal, threading
import numpy as np
from lossmith import native

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background is born deaf to it
rng = np.random.default_rng(0)
logits, labels = rng.normal(size=(4000, 500)).astype(np.float32), rng.integers(0, 500, 4000)
expected = native.softmax_cross_entropy(logits, labels)
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    while True:
        native.softmax_cross_entropy(logits, labels)
except KeyboardInterrupt:
    again = native.softmax_cross_entropy(logits, labels)
    print("interrupted", all((a == b).all() for a, b in zip(expected, again)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "interrupted True", done.stderr


def test_libtorch_brings_its_threads():
    torch = pytest.importorskip("torch")
    from lossmith.torch import fast

    before = torch.get_num_threads()
    logits, labels = case(500, 1_000, np.float32)
    expected = run(0, logits, labels)
    try:
        for threads in (1, 2, 3, 8):
            torch.set_num_threads(threads)
            assert fast.executor() > 1
            assert_same(run(fast.executor(), logits, labels), expected)
    finally:
        torch.set_num_threads(before)
