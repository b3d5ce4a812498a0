"""Differences in what is averaged, summed and weighted."""

from __future__ import annotations

from .tables import KERAS, LJ, LK, LM, LT, OPTAX, TORCH, Difference, Raises, Topic, calls

REDUCTIONS = Topic(
    title="Reductions and weights",
    rows=(
        Difference(
            title="What a call returns",
            inputs={"x": [2.0, 3.0], "y": [1.0, 5.0]},
            calls=calls(
                (KERAS, "keras.losses.MeanSquaredError()(y, x)", 2.5),
                (KERAS, "keras.losses.mean_squared_error(y[:, None], x[:, None])", (1.0, 4.0)),
                (TORCH, "F.mse_loss(x, y)", 2.5),
                (OPTAX, "optax.losses.squared_error(x, y)", (1.0, 4.0)),
                (OPTAX, "optax.losses.l2_loss(x, y)", (0.5, 2.0)),
                (LK, "lk.MeanSquaredError()(y, x)", 2.5),
                (LT, "lt.functional.mse_loss(x, y)", 2.5),
                (LJ, "lj.squared_error(x, y)", (1.0, 4.0)),
                (LM, "lm.squared_error(x, y)", 2.5),
            ),
            why="Keras' classes and PyTorch average, Keras' functions average the last axis only, optax never does; "
            "optax's l2_loss has a factor 1/2 that the others lack. The faces do as their framework does.",
        ),
        Difference(
            title="Weights of samples in a mean",
            inputs={"x": [[2.0], [3.0]], "y": [[1.0], [5.0]], "w": [3.0, 1.0]},
            calls=calls(
                (KERAS, "keras.losses.MeanSquaredError()(y, x, sample_weight=w)", 3.5),
                (
                    KERAS,
                    'keras.losses.MeanSquaredError(reduction="mean_with_sample_weight")(y, x, sample_weight=w)',
                    1.75,
                ),
                (TORCH, "F.mse_loss(x, y, weight=w[:, None])", 1.75),
                (LK, "lk.MeanSquaredError()(y, x, sample_weight=w)", 3.5),
                (LT, "lt.functional.mse_loss(x, y, weight=w)", 1.75),
                (LJ, 'lj.squared_error(x, y, weight=w, reduction="mean")', 1.75),
                (LM, "lm.squared_error(x, y, weight=w)", 1.75),
            ),
            why="Keras divides the weighted sum by the number of samples, PyTorch's squared error by the sum of the "
            "weights; so do lossmith's own functions, always.",
        ),
        Difference(
            title="PyTorch's weighted Huber",
            inputs={"x": [2.0, 3.0], "y": [1.0, 5.0], "w": [3.0, 1.0]},
            calls=calls(
                (TORCH, "F.mse_loss(x, y, weight=w)", 1.75),
                (TORCH, "F.l1_loss(x, y, weight=w)", 1.25),
                (TORCH, "F.huber_loss(x, y, weight=w)", 1.5),
                (LT, "lt.functional.huber_loss(x, y, weight=w)", 1.5),
                (LM, "lm.huber(x, y, weight=w)", 0.75),
            ),
            why="mse_loss and l1_loss divide by the sum of the weights, huber_loss by the number of elements; the "
            "face repeats that, lossmith.huber divides by the sum.",
        ),
        Difference(
            title="The shape of PyTorch's weights",
            inputs={"x": [[1.0, 2.0], [3.0, 4.0]], "y": [[0.0, 0.0], [0.0, 0.0]], "w": [1.0, 0.0]},
            calls=calls(
                (TORCH, "F.mse_loss(x, y, weight=w[:, None])", Raises("ValueError")),
                (LT, "lt.functional.mse_loss(x, y, weight=w)", 2.5),
                (LM, "lm.squared_error(x, y, weight=w)", 2.5),
            ),
            why="PyTorch wants one weight per element; in lossmith weights go along the leading axes, one per row "
            "here.",
        ),
        Difference(
            title="Weights of samples in a sequence",
            inputs={
                "x": [[[1.0], [1.0]], [[10.0], [10.0]]],
                "y": [[[0.0], [0.0]], [[0.0], [0.0]]],
                "w": [1.0, 0.0],
            },
            calls=calls(
                (KERAS, "keras.losses.MeanSquaredError()(y, x, sample_weight=w)", 25.25),
                (KERAS, "keras.losses.MeanSquaredError()(y[:, :1], x[:, :1], sample_weight=w)", 0.5),
                (LK, "lk.MeanSquaredError()(y, x, sample_weight=w)", 0.5),
                (LM, "lm.squared_error(x, y, weight=w)", 1.0),
            ),
            why="Two sequences of two steps, the second with weight 0: Keras 3 applies the weights to the steps, "
            "silently, because there are as many steps as sequences (and refuses where there are not).",
        ),
        Difference(
            title="Weights of classes",
            inputs={"x": [[2.0, 0.0], [0.0, 1.0]], "y": [0, 1], "one_hot": [[1.0, 0.0], [0.0, 1.0]], "w": [1.0, 4.0]},
            calls=calls(
                (TORCH, "F.cross_entropy(x, y, weight=w)", 0.275995),
                (TORCH, "F.cross_entropy(x, one_hot, weight=w)", 0.689987),
                (LT, "lt.functional.cross_entropy(x, y, weight=w)", 0.275995),
                (LT, "lt.functional.cross_entropy(x, one_hot, weight=w)", 0.689987),
                (LM, "lm.softmax_cross_entropy(x, y, class_weight=w)", 0.275995),
                (LM, "lm.softmax_cross_entropy(x, one_hot, class_weight=w)", 0.275995),
            ),
            why="The same targets, once as indices and once as rows: PyTorch divides by the weights of the true "
            "classes for the first and by the number of rows for the second.",
        ),
        Difference(
            title="A weight per row or per column",
            inputs={"x": [[0.0, 0.0], [0.0, 0.0]], "y": [[1.0, 1.0], [1.0, 1.0]], "w": [1.0, 0.0]},
            calls=calls(
                (
                    TORCH,
                    'F.binary_cross_entropy_with_logits(x, y, weight=w, reduction="none")',
                    ((0.693147, 0.0), (0.693147, 0.0)),
                ),
                (
                    LT,
                    'lt.functional.binary_cross_entropy_with_logits(x, y, weight=w, reduction="none")',
                    ((0.693147, 0.0), (0.693147, 0.0)),
                ),
                (
                    LM,
                    'lm.sigmoid_cross_entropy(x, y, weight=w, reduction="none")',
                    ((0.693147, 0.693147), (0.0, 0.0)),
                ),
            ),
            why="PyTorch broadcasts a weight of shape (N,) to the columns of an (N, N) batch, without a word; "
            "lossmith's own weights go along the leading axes.",
        ),
        Difference(
            title="A negative weight of positives",
            inputs={"x": [0.0], "y": [1.0], "w": [-1.0]},
            calls=calls(
                (TORCH, "F.binary_cross_entropy_with_logits(x, y, pos_weight=w)", -0.693147),
                (LT, "lt.functional.binary_cross_entropy_with_logits(x, y, pos_weight=w)", Raises("InputError")),
            ),
            why="PyTorch takes it, and the loss has no lower bound any more.",
        ),
        Difference(
            title="Ignored rows in the function and in the class",
            inputs={"x": [[2.0, 0.0], [0.0, 1.0]], "y": [0, 1]},
            calls=calls(
                (
                    KERAS,
                    "keras.losses.sparse_categorical_crossentropy(y, x, from_logits=True, ignore_class=1)",
                    (0.126928, 0.0),
                ),
                (KERAS, "keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=1)(y, x)", 0.126928),
                (TORCH, "F.cross_entropy(x, y, ignore_index=1)", 0.126928),
                (LK, "lk.SparseCategoricalCrossentropy(from_logits=True, ignore_class=1)(y, x)", 0.126928),
                (LM, "lm.softmax_cross_entropy(x, y, ignore_index=1)", 0.126928),
            ),
            why="Keras' function gives ignored rows the value 0: its mean() counts them, that of the class does not.",
        ),
        Difference(
            title="Kullback-Leibler: which mean, and of what",
            inputs={"p": [[0.5, 0.5], [0.25, 0.75]], "y": [[1.0, 0.0], [0.5, 0.5]]},
            calls=calls(
                (KERAS, "keras.losses.KLDivergence()(y, p)", 0.418494),
                (TORCH, "F.kl_div(p.log(), y)", 0.209247),
                (TORCH, 'F.kl_div(p.log(), y, reduction="batchmean")', 0.418494),
                (OPTAX, "optax.losses.kl_divergence(jnp.log(p), y)", (0.693147, 0.143841)),
                (LT, 'lt.functional.kl_div(p.log(), y, reduction="batchmean")', 0.418494),
                (LM, "lm.kl_divergence(p, y)", 0.418494),
            ),
            why="Keras takes probabilities, PyTorch and optax the logarithms of the prediction's; PyTorch's mean "
            "divides by the number of elements, its batchmean by that of rows, and only the latter is a divergence.",
        ),
        Difference(
            title="CTC: what the mean divides by",
            inputs={"x": [[[0.0] * 3] * 4], "y": [[1, 2]]},
            calls=calls(
                (KERAS, "keras.losses.CTC()(y, x)", 1.686399),
                (
                    TORCH,
                    "F.ctc_loss(x.transpose(0, 1).log_softmax(-1), y, torch.tensor([4]), torch.tensor([2]))",
                    0.843199,
                ),
                (OPTAX, "optax.losses.ctc_loss(x, jnp.zeros((1, 4)), y, jnp.zeros((1, 2)))", (1.686399,)),
                (LK, "lk.CTC()(y, x)", 1.686399),
                (
                    LT,
                    "lt.functional.ctc_loss(x.transpose(0, 1), y, torch.tensor([4]), torch.tensor([2]))",
                    0.843199,
                ),
                (LJ, "lj.ctc_loss(x, jnp.zeros((1, 4)), y, jnp.zeros((1, 2)))", (1.686399,)),
                (LM, "lm.ctc(x, y)", 1.686399),
            ),
            why="PyTorch divides every sequence's loss by the length of its target first; Keras averages the sums, "
            "optax averages nothing. The faces do as their framework does.",
        ),
        Difference(
            title="Poisson: a rate or its logarithm",
            inputs={"x": [2.0], "y": [3.0]},
            calls=calls(
                (KERAS, "keras.losses.Poisson()(y, x)", -0.0794415),
                (TORCH, "F.poisson_nll_loss(x, y)", 1.389056),
                (TORCH, "F.poisson_nll_loss(x, y, log_input=False)", -0.0794415),
                (LM, "lm.poisson(x, y)", -0.0794415),
                (LM, "lm.poisson_log_rate(x, y)", 1.389056),
            ),
            why="Keras takes the prediction for a rate, PyTorch for its logarithm unless told otherwise; in lossmith "
            "the name says it.",
        ),
        Difference(
            title="Huber and smooth L1",
            inputs={"x": [5.0], "y": [0.0]},
            calls=calls(
                (KERAS, "keras.losses.Huber(delta=2.0)(y, x)", 8.0),
                (TORCH, "F.huber_loss(x, y, delta=2.0)", 8.0),
                (TORCH, "F.smooth_l1_loss(x, y, beta=2.0)", 4.0),
                (OPTAX, "optax.losses.huber_loss(x, y, delta=2.0)", (8.0,)),
                (LT, "lt.functional.smooth_l1_loss(x, y, beta=2.0)", 4.0),
                (LM, "lm.huber(x, y, delta=2.0)", 8.0),
            ),
            why="Smooth L1 is Huber divided by its parameter: the same only where that is 1.",
        ),
        Difference(
            title="A mean of means",
            inputs={"x": [[2.0, 0.0], [0.0, 1.0], [0.0, 2.0], [0.0, 3.0]], "y": [1, 1, 1, 1]},
            calls=calls(
                (TORCH, "F.cross_entropy(x, y)", 0.653921),
                (TORCH, "(F.cross_entropy(x[:1], y[:1]) + F.cross_entropy(x[1:], y[1:])) / 2", 1.144927),
                (
                    LM,
                    "lm.softmax_cross_entropy(x[:1], y[:1], normalizer=4) "
                    "+ lm.softmax_cross_entropy(x[1:], y[1:], normalizer=4)",
                    0.653921,
                ),
            ),
            why="Micro-batches, ranks and sequences that count differently must not be averaged once more; with the "
            "global count as normalizer= the parts add up.",
        ),
        Difference(
            title="Cosine: which sign",
            inputs={"x": [[3.0, 4.0]], "y": [[4.0, 3.0]]},
            calls=calls(
                (KERAS, "keras.losses.CosineSimilarity()(y, x)", -0.96),
                (TORCH, "F.cosine_embedding_loss(x, y, torch.ones(1))", 0.04),
                (OPTAX, "optax.losses.cosine_similarity(x, y)", (0.96,)),
                (OPTAX, "optax.losses.cosine_distance(x, y)", (0.04,)),
                (LJ, "lj.cosine_similarity(x, y)", (0.96,)),
                (LM, "lm.cosine_similarity(x, y)", -0.96),
            ),
            why="Keras' loss falls towards -1, optax's similarity rises towards 1 and must not be minimised; "
            "lossmith's own is a loss.",
        ),
    ),
)
