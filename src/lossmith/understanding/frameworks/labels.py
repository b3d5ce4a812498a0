"""Differences in labels, shapes and dtypes."""

from __future__ import annotations

import math

from .tables import (
    KERAS,
    KERAS_JAX,
    KERAS_NUMPY,
    KERAS_TF,
    KERAS_TORCH,
    LJ,
    LK,
    LM,
    LT,
    OPTAX,
    TORCH,
    Difference,
    Raises,
    Topic,
    calls,
)

_SCCE = "keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, x)"
_LK_SCCE = "lk.SparseCategoricalCrossentropy(from_logits=True)(y, x)"
_OPTAX_CE = "optax.losses.softmax_cross_entropy_with_integer_labels(x, y)"
_LJ_CE = "lj.softmax_cross_entropy_with_integer_labels(x, y)"

LABELS = Topic(
    title="Labels",
    rows=(
        Difference(
            title="A label that is too large",
            inputs={"x": [[1.0, 0.0, 5.0]], "y": [3]},
            calls=calls(
                (KERAS_TF, _SCCE, Raises("InvalidArgumentError")),
                (KERAS_TORCH, _SCCE, Raises("IndexError")),
                (KERAS_JAX, _SCCE, 0.0),
                (KERAS_NUMPY, _SCCE, Raises("IndexError")),
                (TORCH, "F.cross_entropy(x, y)", Raises("IndexError")),
                (OPTAX, _OPTAX_CE, (math.nan,)),
                (LK, _LK_SCCE, Raises("LabelError")),
                (LT, "lt.functional.cross_entropy(x, y)", Raises("LabelError")),
                (LJ, _LJ_CE, Raises("LabelError")),
                (LJ, f"jax.jit(lambda x, y: {_LJ_CE})(x, y)", (math.nan,)),
                (LM, "lm.softmax_cross_entropy(x, y)", Raises("LabelError")),
            ),
            why="Keras on JAX scores it as perfect. The faces say which label, where, and what may be wrong; where "
            "values cannot be looked at, in a traced program, the row becomes NaN.",
        ),
        Difference(
            title="The label -1",
            inputs={"x": [[1.0, 0.0, 5.0]], "y": [-1]},
            calls=calls(
                (KERAS_TF, _SCCE, Raises("InvalidArgumentError")),
                (KERAS_TORCH, _SCCE, Raises("IndexError")),
                (KERAS_JAX, _SCCE, 0.0),
                (KERAS_NUMPY, _SCCE, 0.0),
                (TORCH, "F.cross_entropy(x, y)", Raises("IndexError")),
                (OPTAX, _OPTAX_CE, (0.024745,)),
                (LK, _LK_SCCE, Raises("LabelError")),
                (LJ, _LJ_CE, Raises("LabelError")),
                (LJ, f"jax.jit(lambda x, y: {_LJ_CE})(x, y)", (math.nan,)),
                (LM, "lm.softmax_cross_entropy(x, y, ignore_index=-1)", 0.0),
            ),
            why="optax takes it for the last class, Keras on JAX and NumPy for a perfect score; if it means no label, "
            "ignore_index=-1 says so.",
        ),
        Difference(
            title="The label -100",
            inputs={"x": [[1.0, 0.0, 5.0], [1.0, 0.0, 5.0]], "y": [-100, 0]},
            calls=calls(
                (KERAS_TF, _SCCE, Raises("InvalidArgumentError")),
                (KERAS_TORCH, _SCCE, 2.012372),
                (KERAS_JAX, _SCCE, 2.012372),
                (KERAS_NUMPY, _SCCE, 2.012372),
                (TORCH, "F.cross_entropy(x, y)", 4.024745),
                (LK, _LK_SCCE, Raises("LabelError")),
                (LT, "lt.functional.cross_entropy(x, y)", 4.024745),
                (LM, "lm.softmax_cross_entropy(x, y)", Raises("LabelError")),
                (LM, "lm.softmax_cross_entropy(x, y, ignore_index=-100)", 4.024745),
            ),
            why="PyTorch leaves such rows out by default, and the default leaks into Keras on PyTorch, where they "
            "count as perfect; so they do on JAX and NumPy, for reasons of their own.",
        ),
        Difference(
            title="Labels in another integer type",
            inputs={"x": [[1.0, 0.0, 5.0]], "y": [0]},
            calls=calls(
                (TORCH, "F.cross_entropy(x, y.int())", Raises("RuntimeError")),
                (TORCH, "F.cross_entropy(x, y.byte())", 4.024745),
                (TORCH, "F.cross_entropy(x, y.bool())", Raises("RuntimeError")),
                (OPTAX, "optax.losses.softmax_cross_entropy_with_integer_labels(x, y.astype(jnp.int8))", (4.024745,)),
                (
                    OPTAX,
                    "optax.losses.softmax_cross_entropy_with_integer_labels(x, y.astype(bool))",
                    Raises("TypeError"),
                ),
                (LT, "lt.functional.cross_entropy(x, y.int())", 4.024745),
                (LT, "lt.functional.cross_entropy(x, y.byte())", 4.024745),
            ),
            why="PyTorch takes int64 and uint8 alone; lossmith takes every integer type.",
        ),
        Difference(
            title="Labels cast to half precision",
            inputs={"y": [257]},
            calls=calls(
                (
                    KERAS_TORCH,
                    'keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype="bfloat16")'
                    "(y, 30 * np.eye(300, dtype=np.float32)[[257]])",
                    30.0,
                ),
                (
                    LK,
                    'lk.SparseCategoricalCrossentropy(from_logits=True, dtype="bfloat16")'
                    "(y, 30 * np.eye(300, dtype=np.float32)[[257]])",
                    0.0,
                ),
            ),
            why="Keras casts labels to the loss's dtype: 257 becomes 256 in bfloat16, 2999 becomes 3000 in float16, "
            "and a perfect model looks bad; from 2 ** 24 on it happens in float32.",
        ),
        Difference(
            title="A target of 2",
            inputs={"p": [0.5], "x": [1.0], "y": [2.0]},
            calls=calls(
                (KERAS_TF, "keras.losses.BinaryCrossentropy()(y, p)", 0.693147),
                (KERAS_TORCH, "keras.losses.BinaryCrossentropy()(y, p)", Raises("RuntimeError")),
                (KERAS, "keras.losses.BinaryCrossentropy(from_logits=True)(y, x)", -0.686738),
                (TORCH, "F.binary_cross_entropy(p, y)", Raises("RuntimeError")),
                (TORCH, "F.binary_cross_entropy_with_logits(x, y)", -0.686738),
                (OPTAX, "optax.losses.sigmoid_binary_cross_entropy(x, y)", (-0.686738,)),
                (LT, "lt.functional.binary_cross_entropy(p, y)", Raises("DomainError")),
                (LT, "lt.functional.binary_cross_entropy_with_logits(x, y)", -0.686738),
                (LM, "lm.sigmoid_cross_entropy(x, y)", Raises("DomainError")),
            ),
            why="A mask of 0 … 255, class indices, or a void value: the loss becomes negative without bound. The "
            "faces keep to their framework, lossmith's own functions refuse.",
        ),
        Difference(
            title="Rows of targets that sum to 3",
            inputs={"x": [[0.0, 0.0, 0.0]], "y": [[1.0, 1.0, 1.0]]},
            calls=calls(
                (KERAS, "keras.losses.CategoricalCrossentropy(from_logits=True)(y, x)", 3.295837),
                (TORCH, "F.cross_entropy(x, y)", 3.295837),
                (OPTAX, "optax.losses.softmax_cross_entropy(x, y)", (3.295837,)),
                (LT, "lt.functional.cross_entropy(x, y)", 3.295837),
                (LM, "lm.softmax_cross_entropy(x, y)", Raises("LabelError")),
            ),
            why="Several labels per row want sigmoid_cross_entropy; only lossmith's own function says so.",
        ),
        Difference(
            title="CTC: a target that does not fit",
            inputs={"x": [[[0.0] * 3] * 4], "y": [[1, 1, 1]]},
            calls=calls(
                (KERAS_TF, "keras.losses.CTC()(y, x)", 708.51624),
                (KERAS_TORCH, "keras.losses.CTC()(y, x)", math.inf),
                (KERAS_JAX, "keras.losses.CTC()(y, x)", 100000.875),
                (KERAS_NUMPY, "keras.losses.CTC()(y, x)", 100000.875),
                (
                    TORCH,
                    "F.ctc_loss(x.transpose(0, 1).log_softmax(-1), y, torch.tensor([4]), torch.tensor([3]))",
                    math.inf,
                ),
                (OPTAX, "optax.losses.ctc_loss(x, jnp.zeros((1, 4)), y, jnp.zeros((1, 3)))", (100000.875,)),
                (LK, "lk.CTC()(y, x)", math.inf),
                (
                    LT,
                    "lt.functional.ctc_loss(x.transpose(0, 1), y, torch.tensor([4]), torch.tensor([3]))",
                    math.inf,
                ),
                (LJ, "lj.ctc_loss(x, jnp.zeros((1, 4)), y, jnp.zeros((1, 3)))", (100000.0,)),
                (LM, "lm.ctc(x, y)", Raises("DomainError")),
                (LM, 'lm.ctc(x, y, infeasible="zero")', 0.0),
            ),
            why="Three equal labels need five steps and there are four: infinity, or a large number that looks like "
            "a loss. lossmith's own function wants to be told what it shall be.",
        ),
        Difference(
            title="CTC given logits",
            inputs={"x": [[[3.0] * 3] * 4], "y": [[1, 2]]},
            calls=calls(
                (TORCH, "F.ctc_loss(x.transpose(0, 1), y, torch.tensor([4]), torch.tensor([2]))", -7.354024),
                (
                    TORCH,
                    "F.ctc_loss(x.transpose(0, 1).softmax(-1), y, torch.tensor([4]), torch.tensor([2]))",
                    -2.020692,
                ),
                (
                    TORCH,
                    "F.ctc_loss(x.transpose(0, 1).log_softmax(-1), y, torch.tensor([4]), torch.tensor([2]))",
                    0.843199,
                ),
                (LT, "lt.functional.ctc_loss(x.transpose(0, 1), y, torch.tensor([4]), torch.tensor([2]))", 0.843199),
            ),
            why="PyTorch takes log-probabilities and does not look: a negative CTC loss means that log_softmax is "
            "missing. lossmith applies it, which leaves log-probabilities as they are.",
        ),
    ),
)

SHAPES = Topic(
    title="Shapes and dtypes",
    rows=(
        Difference(
            title="A column against a row",
            inputs={"x": [[0.0], [1.0], [2.0], [3.0]], "y": [0.0, 1.0, 2.0, 3.0]},
            calls=calls(
                (KERAS, "keras.losses.MeanSquaredError()(y, x)", 0.0),
                (TORCH, "F.mse_loss(x, y)", 2.5),
                (TORCH, "F.poisson_nll_loss(x, y)", 5.548219),
                (TORCH, "F.gaussian_nll_loss(x, y, torch.ones(4, 1))", 1.25),
                (TORCH, "F.kl_div(x, y, reduction='sum')", -17.27147),
                (TORCH, "F.hinge_embedding_loss(x, y)", 1.6875),
                (TORCH, "F.binary_cross_entropy_with_logits(x, y)", Raises("ValueError")),
                (OPTAX, "optax.losses.squared_error(x, y)", Raises("ValueError")),
                (OPTAX, "optax.losses.huber_loss(x, y).shape", (4, 4)),
                (OPTAX, "optax.losses.sigmoid_binary_cross_entropy(x, y).shape", (4, 4)),
                (LK, "lk.MeanSquaredError()(y, x)", 0.0),
                (LT, "lt.functional.mse_loss(x, y)", Raises("ShapeError")),
                (LT, "lt.functional.gaussian_nll_loss(x, y, torch.ones(4, 1))", Raises("ShapeError")),
                (LJ, "lj.huber_loss(x, y)", Raises("ShapeError")),
                (LM, "lm.squared_error(x, y)", Raises("ShapeError")),
            ),
            why="The predictions are right, and yet PyTorch compares all 16 pairs, with a warning for four losses and "
            "silently for others; optax refuses for two. Nothing broadcasts in lossmith, and the error names the fix.",
        ),
        Difference(
            title="A column against a table",
            inputs={"x": [[0.0] * 4] * 4, "y": [[0.0], [1.0], [2.0], [3.0]]},
            calls=calls(
                (KERAS, "keras.losses.MeanSquaredError()(y, x)", 3.5),
                (KERAS, "keras.losses.MeanSquaredError()(y[:, 0], x)", 3.5),
                (LK, "lk.MeanSquaredError()(y, x)", Raises("ShapeError")),
                (LK, "lk.MeanSquaredError()(y[:, 0], x)", Raises("ShapeError")),
            ),
            why="Keras squeezes (N, 1) against (N,), but broadcasts what is left.",
        ),
        Difference(
            title="Classes on the wrong axis",
            inputs={"x": [[[5.0, 0.0, 0.0]] * 3], "y": [[0, 0, 0]]},
            calls=calls(
                (TORCH, "F.cross_entropy(x, y)", 1.098612),
                (TORCH, "F.cross_entropy(x.transpose(1, 2), y)", 0.0133859),
                (TORCH, "F.cross_entropy(x[:, :2], y[:, :2])", Raises("RuntimeError")),
                (LT, "lt.functional.cross_entropy(x, y)", 1.098612),
                (LM, "lm.softmax_cross_entropy(x, y)", 0.0133859),
                (LM, "lm.softmax_cross_entropy(x, y, axis=1)", 1.098612),
            ),
            why="PyTorch has the classes on axis 1; a sequence of as many steps as classes is silently read the wrong "
            "way, any other is refused. lossmith's own functions have them last unless axis= says otherwise.",
        ),
        Difference(
            title="Whole numbers as yes-or-no targets",
            inputs={"p": [0.5], "y": [1]},
            calls=calls(
                (TORCH, "F.binary_cross_entropy(p, y)", Raises("RuntimeError")),
                (TORCH, "F.binary_cross_entropy_with_logits(p, y)", Raises("RuntimeError")),
                (OPTAX, "optax.losses.sigmoid_binary_cross_entropy(p, y)", (0.474077,)),
                (LT, "lt.functional.binary_cross_entropy(p, y)", 0.693147),
                (LT, "lt.functional.binary_cross_entropy_with_logits(p, y)", 0.474077),
            ),
            why="PyTorch asks for floats with a message that names neither argument nor fix.",
        ),
        Difference(
            title="Bytes",
            inputs={"x": [5], "y": [200]},
            calls=calls(
                (KERAS, 'keras.losses.mean_squared_error(y.astype("uint8"), x.astype("uint8"))', 137.0),
                (TORCH, 'F.l1_loss(x.byte(), y.byte(), reduction="none")', (61.0,)),
                (TORCH, "F.mse_loss(x.byte(), y.byte())", Raises("NotImplementedError")),
                (OPTAX, "optax.losses.squared_error(x.astype(jnp.uint8), y.astype(jnp.uint8))", Raises("TypeError")),
                (LK, 'lk.mean_squared_error(y.astype("uint8"), x.astype("uint8"))', 38025.0),
                (LT, "lt.functional.l1_loss(x.byte(), y.byte())", 195.0),
                (LJ, "lj.squared_error(x.astype(jnp.uint8), y.astype(jnp.uint8))", (38025.0,)),
                (LM, 'lm.squared_error(x.astype("uint8"), y.astype("uint8"))', 38025.0),
            ),
            why="Unsigned bytes wrap around below 0 and above 255; lossmith computes in floats.",
        ),
    ),
)
