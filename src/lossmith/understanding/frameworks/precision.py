"""Differences in precision, and at NaN, infinity and emptiness."""

from __future__ import annotations

import math

from .tables import KERAS, KERAS_NUMPY, KERAS_TORCH, LJ, LK, LM, LT, OPTAX, TORCH, Difference, Raises, Topic, calls

_INF = math.inf

PRECISION = Topic(
    title="Precision",
    rows=(
        Difference(
            title="The mean of 4096 rows in bfloat16",
            calls=calls(
                (TORCH, "F.cross_entropy(torch.zeros(4096, 10).bfloat16(), torch.zeros(4096).long())", 2.265625),
                (
                    LT,
                    "lt.functional.cross_entropy(torch.zeros(4096, 10).bfloat16(), torch.zeros(4096).long())",
                    2.302585,
                ),
            ),
            why="Every row costs ln 10 = 2.302585; PyTorch's sum on the CPU loses 1.6 %. lossmith sums half precision "
            "in float32 and returns that.",
        ),
        Difference(
            title="The mean of 65536 rows in float16",
            calls=calls(
                (TORCH, "F.cross_entropy(torch.zeros(65536, 2).half(), torch.zeros(65536).long())", 0.0),
                (TORCH, "F.cross_entropy(torch.zeros(65536, 10).half(), torch.zeros(65536).long())", math.nan),
                (LT, "lt.functional.cross_entropy(torch.zeros(65536, 2).half(), torch.zeros(65536).long())", 0.693147),
                (LT, "lt.functional.cross_entropy(torch.zeros(65536, 10).half(), torch.zeros(65536).long())", 2.302585),
            ),
            why="On the CPU the count of rows overflows, and with it the sum: the loss is 0, or NaN.",
        ),
        Difference(
            title="A loss in half precision in Keras",
            calls=calls(
                (
                    KERAS_TORCH,
                    'keras.losses.MeanSquaredError(dtype="float16")(np.zeros((70000, 1)), np.ones((70000, 1)))',
                    math.nan,
                ),
                (
                    KERAS_NUMPY,
                    'keras.losses.MeanSquaredError(dtype="bfloat16")(np.zeros((70000, 1)), np.ones((70000, 1)))',
                    0.00364685,
                ),
                (
                    LK,
                    'lk.MeanSquaredError(dtype="float16")(np.zeros((70000, 1)), np.ones((70000, 1)))',
                    1.0,
                ),
                (
                    LK,
                    'lk.MeanSquaredError(dtype="bfloat16")(np.zeros((70000, 1)), np.ones((70000, 1)))',
                    1.0,
                ),
            ),
            why="The sum of 70 000 ones does not fit into float16, nor, on NumPy, does its count of 256 grow in "
            "bfloat16.",
        ),
        Difference(
            title="Under autocast",
            inputs={"x": [0.0], "y": [1.0]},
            calls=calls(
                (TORCH, "str(autocast(F.mse_loss)(x.bfloat16(), y.bfloat16()).dtype)", "torch.float32"),
                (
                    TORCH,
                    "str(autocast(F.gaussian_nll_loss)(x.bfloat16(), y.bfloat16(), y.bfloat16()).dtype)",
                    "torch.bfloat16",
                ),
                (
                    LT,
                    "str(autocast(lt.functional.gaussian_nll_loss)(x.bfloat16(), y.bfloat16(), y.bfloat16()).dtype)",
                    "torch.float32",
                ),
            ),
            why="PyTorch takes losses to float32 under autocast, but forgot the Gaussian one.",
        ),
    ),
)

LIMITS = Topic(
    title="NaN, infinity and emptiness",
    rows=(
        Difference(
            title="A class that is masked with -∞",
            inputs={"x": [[0.0, 1.0, -_INF]], "y": [1], "one_hot": [[0.0, 1.0, 0.0]]},
            calls=calls(
                (KERAS, "keras.losses.CategoricalCrossentropy(from_logits=True)(one_hot, x)", math.nan),
                (TORCH, "F.cross_entropy(x, y)", 0.313262),
                (TORCH, "F.cross_entropy(x, one_hot)", math.nan),
                (OPTAX, "optax.losses.softmax_cross_entropy(x, one_hot)", (math.nan,)),
                (OPTAX, "optax.losses.safe_softmax_cross_entropy(x, one_hot)", (0.313262,)),
                (LK, "lk.CategoricalCrossentropy(from_logits=True)(one_hot, x)", 0.313262),
                (LT, "lt.functional.cross_entropy(x, one_hot)", 0.313262),
                (LJ, "lj.softmax_cross_entropy(x, one_hot)", (0.313262,)),
                (LM, "lm.softmax_cross_entropy(x, one_hot)", 0.313262),
            ),
            why="0 times infinity is NaN where the targets are rows; lossmith takes it for 0. With label smoothing "
            "such a class costs infinity everywhere, as it must.",
        ),
        Difference(
            title="A logit that is sure and right",
            inputs={"x": [_INF], "y": [1.0]},
            calls=calls(
                (KERAS_TORCH, "keras.losses.BinaryCrossentropy(from_logits=True)(y, x)", math.nan),
                (TORCH, "F.binary_cross_entropy_with_logits(x, y)", math.nan),
                (OPTAX, "optax.losses.sigmoid_binary_cross_entropy(x, y)", (math.nan,)),
                (LK, "lk.BinaryCrossentropy(from_logits=True)(y, x)", 0.0),
                (LT, "lt.functional.binary_cross_entropy_with_logits(x, y)", 0.0),
                (LJ, "lj.sigmoid_binary_cross_entropy(x, y)", (0.0,)),
                (LM, "lm.sigmoid_cross_entropy(x, y)", 0.0),
            ),
            why="Infinity minus infinity, where the loss is 0.",
        ),
        Difference(
            title="NaN in an ignored row",
            inputs={"x": [[0.0, 0.0], [math.nan, 0.0]], "y": [0, -100]},
            calls=calls(
                (TORCH, "F.cross_entropy(x, y)", 0.693147),
                (TORCH, "grad(lambda x: F.cross_entropy(x, y), x)", ((-0.5, 0.5), (math.nan, math.nan))),
                (LT, "grad(lambda x: lt.functional.cross_entropy(x, y), x)", ((-0.5, 0.5), (0.0, 0.0))),
            ),
            why="PyTorch's value leaves the row out, its gradient does not.",
        ),
        Difference(
            title="NaN under a weight of 0",
            inputs={"x": [[1.0], [math.nan]], "y": [[0.0], [0.0]], "w": [1.0, 0.0], "keep": [True, False]},
            calls=calls(
                (KERAS, "keras.losses.MeanSquaredError()(y, x, sample_weight=w)", math.nan),
                (LK, "lk.MeanSquaredError()(y, x, sample_weight=w)", math.nan),
                (LM, "lm.squared_error(x, y, mask=keep)", 1.0),
            ),
            why="0 times NaN is NaN: weights multiply, and so do Keras' masks; lossmith's masks select.",
        ),
        Difference(
            title="NaN under where",
            inputs={"x": [[1.0, 0.0, math.nan]], "y": [[1.0, 0.0, 0.0]], "keep": [[True, True, False]]},
            calls=calls(
                (OPTAX, "optax.losses.cosine_similarity(x, y, where=keep)", (1.0,)),
                (
                    OPTAX,
                    "jax.grad(lambda x: optax.losses.cosine_similarity(x, y, where=keep).sum())(x)",
                    ((math.nan, math.nan, math.nan),),
                ),
                (LJ, "lj.cosine_similarity(x, y, where=keep)", (1.0,)),
                (
                    LJ,
                    "jax.grad(lambda x: lj.cosine_similarity(x, y, where=keep).sum())(x)",
                    ((0.0, 0.0, 0.0),),
                ),
            ),
            why="optax's value leaves the entry out, its gradient does not.",
        ),
        Difference(
            title="A label that where takes out",
            inputs={"x": [[3.0, 0.0]], "y": [0], "keep": [[False, True]]},
            calls=calls(
                (OPTAX, "optax.losses.softmax_cross_entropy_with_integer_labels(x, y, where=keep)", (-3.0,)),
                (LJ, "lj.softmax_cross_entropy_with_integer_labels(x, y, where=keep)", (math.inf,)),
            ),
            why="A class that cannot be has probability 0; optax still subtracts its logit, and the cross-entropy "
            "falls below 0.",
        ),
        Difference(
            title="A target whose logarithm is -∞",
            inputs={"x": [[0.0, -1.0]], "y": [[0.0, -_INF]]},
            calls=calls(
                (TORCH, "F.kl_div(x, y, log_target=True, reduction='sum')", math.nan),
                (OPTAX, "optax.losses.kl_divergence_with_log_targets(x, y)", (math.nan,)),
                (LT, "lt.functional.kl_div(x, y, log_target=True, reduction='sum')", 0.0),
                (LJ, "lj.kl_divergence_with_log_targets(x, y)", (0.0,)),
            ),
            why="A target of 0 adds nothing, also when it comes as a logarithm.",
        ),
        Difference(
            title="An empty batch",
            inputs={"x": [], "y": []},
            calls=calls(
                (KERAS, "keras.losses.MeanSquaredError()(y, x)", math.nan),
                (KERAS, "keras.losses.MeanSquaredError()(y[:, None], x[:, None])", ()),
                (TORCH, "F.mse_loss(x, y)", math.nan),
                (LK, "lk.MeanSquaredError()(y, x)", 0.0),
                (LT, "lt.functional.mse_loss(x, y)", math.nan),
                (LJ, 'lj.squared_error(x, y, reduction="mean")', 0.0),
                (LM, "lm.squared_error(x, y)", 0.0),
                (LM, 'lm.squared_error(x, y, empty="error")', Raises("EmptyError")),
            ),
            why="Keras gives NaN for vectors and an array of no numbers for tables; empty= says what it shall be.",
        ),
        Difference(
            title="Nothing left",
            inputs={"x": [[1.0, 2.0]], "y": [0]},
            calls=calls(
                (KERAS, "keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)(y, x)", 0.0),
                (TORCH, "F.cross_entropy(x, y, ignore_index=0)", math.nan),
                (LK, "lk.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)(y, x)", 0.0),
                (LT, "lt.functional.cross_entropy(x, y, ignore_index=0)", math.nan),
                (LM, "lm.softmax_cross_entropy(x, y, ignore_index=0)", 0.0),
            ),
            why="All rows are ignored: 0 in Keras, NaN in PyTorch; the faces follow, and lossmith's own functions "
            "take empty=.",
        ),
        Difference(
            title="A vector of length 0",
            inputs={"x": [[0.0, 0.0]], "y": [[1.0, 1.0]]},
            calls=calls(
                (KERAS, "keras.losses.CosineSimilarity()(y, x)", 0.0),
                (TORCH, "grad(lambda x: F.cosine_embedding_loss(x, y, torch.ones(1)), x)", ((-707106.8, -707106.8),)),
                (OPTAX, "optax.losses.cosine_similarity(x, y)", (math.nan,)),
                (OPTAX, "optax.losses.cosine_similarity(x, y, epsilon=1e-6)", (0.0,)),
                (LJ, "lj.cosine_similarity(x, y)", (0.0,)),
                (LJ, "jax.grad(lambda x: lj.cosine_similarity(x, y).sum())(x)", ((0.0, 0.0),)),
                (LM, "lm.cosine_similarity(x, y)", 0.0),
            ),
            why="It has no direction: cosine 0 with gradient 0 in lossmith; lossmith.torch keeps PyTorch's large "
            "gradient.",
        ),
        Difference(
            title="The root of an error of 0",
            inputs={"x": [1.0], "y": [1.0]},
            calls=calls(
                (TORCH, "grad(lambda x: F.mse_loss(x, y).sqrt(), x)", (math.nan,)),
                (LM, "lm.RootMeanSquaredError().value_and_gradient(x, y)[1]", (0.0,)),
            ),
            why="The root has no slope at 0, and infinity times 0 is NaN; in lossmith a perfect batch has gradient 0.",
        ),
        Difference(
            title="A variance below the least one",
            inputs={"x": [0.0], "y": [1.0], "v": [1e-9]},
            calls=calls(
                (TORCH, "F.gaussian_nll_loss(x, y, v)", 499993.1),
                (TORCH, "grad(lambda v: F.gaussian_nll_loss(x, y, v), v)", (-5e11,)),
                (LT, "lt.functional.gaussian_nll_loss(x, y, v)", 499993.1),
                (LT, "grad(lambda v: lt.functional.gaussian_nll_loss(x, y, v), v)", (0.0,)),
            ),
            why="PyTorch raises the variance to 1e-6 without telling autograd, so that the slope is that of another "
            "point; lossmith's is that of the value.",
        ),
        Difference(
            title="A batch without positives",
            inputs={"x": [[1.0, 0.0], [0.0, 1.0]], "y": [0, 1]},
            calls=calls(
                (OPTAX, "optax.losses.ntxent(x, y)", math.nan),
                (LJ, "lj.ntxent(x, y)", 0.0),
                (LM, "lm.nt_xent(x, y)", Raises("DomainError")),
            ),
            why="optax divides by the number of positive pairs, which is 0.",
        ),
    ),
)
