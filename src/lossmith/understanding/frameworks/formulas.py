"""Differences in formulas: smoothing, clipping, logits, focal factors, overlaps, margins."""

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

PROBABILITIES = Topic(
    title="Smoothing, clipping and logits",
    rows=(
        Difference(
            title="Label smoothing on another axis",
            inputs={"x": [[[0.0, 0.0]] * 3], "y": [[[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]]},
            calls=calls(
                (
                    KERAS,
                    "keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1, axis=1)(y, x)",
                    1.153543,
                ),
                (TORCH, "F.cross_entropy(x, y, label_smoothing=0.1)", 1.098612),
                (LK, "lk.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1, axis=1)(y, x)", 1.098612),
                (LM, "lm.softmax_cross_entropy(x, y, label_smoothing=0.1, axis=1)", 1.098612),
            ),
            why="A uniform guess over three classes costs ln 3 whatever the smoothing; Keras 3.15.1 counts the "
            "classes on the last axis, two, and its smoothed rows sum to 1.05.",
        ),
        Difference(
            title="Smoothing by more than everything",
            inputs={"x": [[2.0, 0.0]], "y": [[1.0, 0.0]]},
            calls=calls(
                (KERAS, "keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=2.0)(y, x)", 2.126928),
                (TORCH, "F.cross_entropy(x, y, label_smoothing=2.0)", Raises("RuntimeError")),
                (LK, "lk.CategoricalCrossentropy(from_logits=True, label_smoothing=2.0)(y, x)", Raises("InputError")),
                (LT, "lt.functional.cross_entropy(x, y, label_smoothing=2.0)", Raises("InputError")),
            ),
            why="Keras trains with targets of -1; the others refuse.",
        ),
        Difference(
            title="Smoothing of yes-or-no targets",
            inputs={"x": [2.0], "y": [1.0]},
            calls=calls(
                (KERAS, "keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.2)(y, x)", 0.326928),
                (TORCH, "F.binary_cross_entropy_with_logits(x, y)", 0.126928),
                (TORCH, "F.binary_cross_entropy_with_logits(x, 0.8 * y + 0.1)", 0.326928),
                (LM, "lm.sigmoid_cross_entropy(x, y, label_smoothing=0.2)", 0.326928),
            ),
            why="Keras has it, PyTorch and optax do not: there the targets have to be smoothed first.",
        ),
        Difference(
            title="A probability of 0 for what happened",
            inputs={"p": [0.0], "y": [1.0]},
            calls=calls(
                (KERAS, "keras.losses.BinaryCrossentropy()(y, p)", 16.11809),
                (TORCH, "F.binary_cross_entropy(p, y)", 100.0),
                (TORCH, "grad(lambda p: F.binary_cross_entropy(p, y), p)", (-1e12,)),
                (LK, "lk.BinaryCrossentropy()(y, p)", 16.11809),
                (LT, "lt.functional.binary_cross_entropy(p, y)", 100.0),
                (LT, "grad(lambda p: lt.functional.binary_cross_entropy(p, y), p)", (-1e12,)),
                (LM, "lm.binary_cross_entropy(p, y)", 100.0),
            ),
            why="Keras clips probabilities at 1e-7, where the gradient stops too; PyTorch and lossmith floor the "
            "logarithm at -100 and keep a gradient.",
        ),
        Difference(
            title="A probability of 0 for what did not happen",
            inputs={"p": [0.0], "y": [0.0]},
            calls=calls(
                (TORCH, "grad(lambda p: F.binary_cross_entropy(p, y), p)", (0.0,)),
                (LT, "grad(lambda p: lt.functional.binary_cross_entropy(p, y), p)", (1.0,)),
            ),
            why="The loss is -log(1 - p), whose slope at 0 is 1.",
        ),
        Difference(
            title="Logits that lose their digits",
            inputs={"x": [[-30.0]], "z": [[-60.0, 0.0]], "y": [[1.0]], "one_hot": [[1.0, 0.0]]},
            calls=calls(
                (KERAS_TF, "keras.losses.BinaryFocalCrossentropy(from_logits=True)(y, x)", 30.0),
                (KERAS_TORCH, "keras.losses.BinaryFocalCrossentropy(from_logits=True)(y, x)", 16.11809),
                (KERAS_JAX, "keras.losses.BinaryFocalCrossentropy(from_logits=True)(y, x)", 16.11809),
                (KERAS_NUMPY, "keras.losses.BinaryFocalCrossentropy(from_logits=True)(y, x)", 16.11809),
                (KERAS, "keras.losses.CategoricalFocalCrossentropy(from_logits=True, alpha=1.0)(one_hot, z)", 16.11809),
                (KERAS_TORCH, "keras.losses.BinaryCrossentropy(from_logits=True)(y, x)", 30.0),
                (KERAS_NUMPY, "keras.losses.BinaryCrossentropy(from_logits=True)(y, x)", 16.11809),
                (LK, "lk.BinaryFocalCrossentropy(from_logits=True)(y, x)", 30.0),
                (LK, "lk.CategoricalFocalCrossentropy(from_logits=True, alpha=1.0)(one_hot, z)", 60.0),
                (LK, "lk.BinaryCrossentropy(from_logits=True)(y, x)", 30.0),
            ),
            why="Where Keras turns logits into probabilities first, the clipping ends the loss at 16.118 and the "
            "gradient at 0; which losses do so depends on the backend.",
        ),
        Difference(
            title="Probabilities that do not sum to 1",
            inputs={"p": [[2.0, 1.0], [2.0, 0.05]], "y": [0, 1]},
            calls=calls(
                (
                    KERAS_TF,
                    'keras.losses.SparseCategoricalCrossentropy(reduction="none")(y, p)',
                    (0.693147, 3.04452),
                ),
                (
                    KERAS_TORCH,
                    'keras.losses.SparseCategoricalCrossentropy(reduction="none")(y, p)',
                    (0.405465, 3.713572),
                ),
                (
                    KERAS_JAX,
                    'keras.losses.SparseCategoricalCrossentropy(reduction="none")(y, p)',
                    (0.405465, 3.713572),
                ),
                (
                    KERAS_NUMPY,
                    'keras.losses.SparseCategoricalCrossentropy(reduction="none")(y, p)',
                    (0.405465, 3.713572),
                ),
                (LK, 'lk.SparseCategoricalCrossentropy(reduction="none")(y, p)', (0.405465, 3.713572)),
                (LM, "lm.categorical_cross_entropy(p, y)", Raises("DomainError")),
            ),
            why="Keras normalises such rows, on TensorFlow after clipping them at 1, elsewhere before; "
            "lossmith's own function refuses them.",
        ),
        Difference(
            title="Probabilities of 0 alone",
            inputs={"p": [[0.0, 0.0]], "y": [[1.0, 0.0]]},
            calls=calls(
                (KERAS, "keras.losses.CategoricalCrossentropy()(y, p)", math.nan),
                (LK, "lk.CategoricalCrossentropy()(y, p)", 16.11809),
                (LM, "lm.categorical_cross_entropy(p, y)", Raises("DomainError")),
            ),
            why="Keras divides 0 by 0.",
        ),
        Difference(
            title="Logits or probabilities by default",
            inputs={"x": [[2.0, 0.0]], "y": [[1.0, 0.0]]},
            calls=calls(
                (KERAS, "keras.losses.CategoricalCrossentropy()(y, x)", 1.19209e-07),
                (KERAS, "keras.losses.CategoricalCrossentropy(from_logits=True)(y, x)", 0.126928),
                (TORCH, "F.cross_entropy(x, y)", 0.126928),
                (OPTAX, "optax.losses.softmax_cross_entropy(x, y)", (0.126928,)),
                (LM, "lm.softmax_cross_entropy(x, y)", 0.126928),
                (LM, "lm.categorical_cross_entropy(x, y)", Raises("DomainError")),
            ),
            why="Logits given to Keras without from_logits=True are normalised as if they were probabilities, "
            "without a word; lossmith's names say which, and its own functions look.",
        ),
        Difference(
            title="Negative predictions of a squared logarithmic error",
            inputs={"x": [[-3.0]], "y": [[1.0]]},
            calls=calls(
                (KERAS, "keras.losses.MeanSquaredLogarithmicError()(y, x)", 0.480453),
                (LK, "lk.MeanSquaredLogarithmicError()(y, x)", 0.480453),
                (LM, "lm.squared_logarithmic_error(x, y)", Raises("DomainError")),
            ),
            why="Keras counts them as 1e-7 and gives them no gradient.",
        ),
        Difference(
            title="A negative rate",
            inputs={"x": [[-2.0]], "y": [[3.0]]},
            calls=calls(
                (KERAS, "keras.losses.Poisson()(y, x)", math.nan),
                (TORCH, "F.poisson_nll_loss(x, y, log_input=False)", math.nan),
                (LK, "lk.Poisson()(y, x)", math.nan),
                (LM, "lm.poisson(x, y)", Raises("DomainError")),
            ),
            why="A linear last layer gives negative rates sooner or later: take softplus or the log-rate.",
        ),
        Difference(
            title="Percentages of a target of 0",
            inputs={"x": [[1.0]], "y": [[0.0]]},
            calls=calls(
                (KERAS, "keras.losses.MeanAbsolutePercentageError()(y, x)", 1e9),
                (LK, "lk.MeanAbsolutePercentageError()(y, x)", 1e9),
                (LM, "lm.absolute_percentage_error(x, y)", Raises("DomainError")),
                (LM, "lm.absolute_percentage_error(x, y, epsilon=1e-7)", 1e9),
            ),
            why="Keras divides by at least 1e-7, so that one such target outweighs all others; lossmith's own "
            "function wants to be told.",
        ),
    ),
)

SHAPES_OF_LOSSES = Topic(
    title="Focal factors, overlaps and margins",
    rows=(
        Difference(
            title="Focal loss: what alpha weighs",
            inputs={"x": [[0.0]], "p": [[0.5]], "y": [[1.0]], "q": [[0.5, 0.5]], "one_hot": [[1.0, 0.0]]},
            calls=calls(
                (KERAS, "keras.losses.BinaryFocalCrossentropy(alpha=0.25)(y, p)", 0.173287),
                (
                    KERAS,
                    "keras.losses.BinaryFocalCrossentropy(alpha=0.25, apply_class_balancing=True)(y, p)",
                    0.0433217,
                ),
                (KERAS, "keras.losses.CategoricalFocalCrossentropy(alpha=0.25)(one_hot, q)", 0.0433217),
                (KERAS, "keras.losses.CategoricalFocalCrossentropy(alpha=0.25)(1 - one_hot, q)", 0.0433217),
                (OPTAX, "optax.losses.sigmoid_focal_loss(x, y)", ((0.173287,),)),
                (OPTAX, "optax.losses.sigmoid_focal_loss(x, y, alpha=0.25)", ((0.0433217,),)),
                (LK, "lk.BinaryFocalCrossentropy(alpha=0.25)(y, p)", 0.173287),
                (LJ, "lj.sigmoid_focal_loss(x, y, alpha=0.25)", ((0.0433217,),)),
                (LM, "lm.sigmoid_focal(x, y, alpha=0.25)", 0.0433217),
            ),
            why="Keras' binary loss ignores alpha unless told to balance, its categorical one multiplies every class "
            "by it; optax and lossmith weigh positives by alpha and negatives by 1 - alpha.",
        ),
        Difference(
            title="Tversky: which error alpha weighs",
            inputs={
                "more": [[1.0, 1.0, 0.0, 0.0]],
                "less": [[1.0, 0.0, 0.0, 0.0]],
                "logits": [[[99.0], [99.0], [-99.0], [-99.0]]],
            },
            calls=calls(
                (KERAS, "keras.losses.Tversky(alpha=1.0, beta=0.0)(less, more)", 0.0),
                (KERAS, "keras.losses.Tversky(alpha=1.0, beta=0.0)(more, less)", 0.5),
                (
                    OPTAX,
                    "optax.losses.dice_loss(logits, less[..., None], alpha=1.0, beta=0.0, smooth=0.0)",
                    (0.5,),
                ),
                (LK, "lk.Tversky(alpha=1.0, beta=0.0)(less, more)", 0.5),
                (LK, "lk.Tversky(alpha=1.0, beta=0.0)(more, less)", 0.0),
                (LM, "lm.tversky(more, less, alpha=1.0, beta=0.0, smooth=0.0)", 0.5),
            ),
            why="alpha should weigh what is predicted and not there (the second argument is the prediction); Keras "
            "3.15.1 weighs what is there and not predicted, against its own documentation.",
        ),
        Difference(
            title="Dice of nothing and nothing",
            inputs={"x": [[[-100.0], [-100.0]]], "p": [[[0.0], [0.0]]], "y": [[[0.0], [0.0]]]},
            calls=calls(
                (KERAS, "keras.losses.Dice()(y, p)", 1.0),
                (OPTAX, "optax.losses.dice_loss(x, y)", (0.0,)),
                (LK, "lk.Dice()(y, p)", 0.0),
                (LJ, "lj.dice_loss(x, y)", (0.0,)),
                (LM, "lm.dice(p, y)", 0.0),
            ),
            why="An empty mask, rightly predicted, is Keras' worst case and everybody else's best.",
        ),
        Difference(
            title="Dice with weights",
            inputs={"p": [[[1.0], [1.0]], [[1.0], [1.0]]], "y": [[[1.0], [0.0]], [[1.0], [0.0]]], "w": [1.0, 100.0]},
            calls=calls(
                (KERAS, "keras.losses.Dice()(y, p)", 0.333333),
                (KERAS, "keras.losses.Dice()(y, p, sample_weight=w)", 16.83333),
                (LK, "lk.Dice()(y, p, sample_weight=w)", Raises("ShapeError")),
                (LM, "lm.dice(p[..., 0], y[..., 0], weight=w, smooth=0.0)", 0.333333),
            ),
            why="Keras' Dice is one number for the whole batch, times the mean of the weights: they weigh nothing "
            "against each other. lossmith's own Dice is one number per sample.",
        ),
        Difference(
            title="Categorical hinge: the best of the others",
            inputs={"x": [[-1.0, -5.0, -6.0]], "y": [0], "one_hot": [[1.0, 0.0, 0.0]]},
            calls=calls(
                (KERAS, "keras.losses.CategoricalHinge()(one_hot, x)", 2.0),
                (TORCH, "F.multi_margin_loss(x, y)", 0.0),
                (OPTAX, "optax.losses.multiclass_hinge_loss(x, y)", (0.0,)),
                (LK, "lk.CategoricalHinge()(one_hot, x)", 2.0),
                (LM, "lm.categorical_hinge(x, y)", 0.0),
                (LM, "lm.categorical_hinge(x, y, rivals_from_zero=True)", 2.0),
            ),
            why="The right class leads by 4; Keras counts the best other score as at least 0, because it multiplies "
            "the true one away instead of leaving it out.",
        ),
        Difference(
            title="Hinges over classes",
            inputs={"x": [[1.0, 0.5, 0.5]], "y": [0], "one_hot": [[1.0, 0.0, 0.0]]},
            calls=calls(
                (KERAS, "keras.losses.CategoricalHinge()(one_hot, x)", 0.5),
                (TORCH, "F.multi_margin_loss(x, y)", 0.333333),
                (OPTAX, "optax.losses.multiclass_hinge_loss(x, y)", (0.5,)),
                (LT, "lt.functional.multi_margin_loss(x, y)", 0.333333),
                (LM, "lm.categorical_hinge(x, y)", 0.5),
                (LM, "lm.multi_margin(x, y)", 0.333333),
            ),
            why="Keras and optax take the best of the other classes, PyTorch the sum over all of them, divided by "
            "the number of classes.",
        ),
        Difference(
            title="Many labels by margins, compiled",
            inputs={"x": [[0.1, 0.2, 0.4, 0.8]], "y": [[3, 0, -1, 1]]},
            calls=calls(
                (TORCH, "F.multilabel_margin_loss(x, y)", 0.85),
                (TORCH, 'torch.compile(F.multilabel_margin_loss, backend="aot_eager")(x, y)', 2.05),
                (LT, "lt.functional.multilabel_margin_loss(x, y)", 0.85),
                (LT, 'torch.compile(lt.functional.multilabel_margin_loss, backend="aot_eager")(x, y)', 0.85),
            ),
            why="The labels end at the first -1; compiled, with any backend that uses PyTorch's decompositions, "
            "PyTorch's own loss takes what comes after it for labels, in value and gradient.",
        ),
        Difference(
            title="Hinge with labels 0 and 1",
            inputs={"x": [[-2.0], [2.0]], "y": [[0.0], [1.0]], "mixed": [[0.0], [2.0]]},
            calls=calls(
                (KERAS, 'keras.losses.Hinge(reduction="none")(y, x)', (0.0, 0.0)),
                (KERAS, 'keras.losses.Hinge(reduction="none")(mixed, x)', (1.0, 0.0)),
                (OPTAX, "optax.losses.hinge_loss(x, y)", ((1.0,), (0.0,))),
                (LK, 'lk.Hinge(reduction="none")(y, x)', (0.0, 0.0)),
                (LM, "lm.hinge(x, y)", Raises("LabelError")),
            ),
            why="Keras reads 0 as -1, but only where the whole batch holds nothing but 0 and 1; optax takes 0 for 0, "
            "which costs 1 and has no gradient.",
        ),
        Difference(
            title="The slope at the kink",
            inputs={"x": [1.0], "y": [1.0]},
            calls=calls(
                (OPTAX, "jax.grad(lambda x: optax.losses.hinge_loss(x, y).sum())(x)", (-0.5,)),
                (LJ, "jax.grad(lambda x: lj.hinge_loss(x, y).sum())(x)", (0.0,)),
            ),
            why="At the margin itself every slope between both sides is one; optax takes the middle, lossmith that "
            "of the side where all is well.",
        ),
        Difference(
            title="Triplets: what keeps the root away from 0",
            inputs={"a": [[0.0, 0.0]], "p": [[0.0, 0.0]], "n": [[0.3, 0.3]]},
            calls=calls(
                (TORCH, "F.triplet_margin_loss(a, p, n)", 0.575739),
                (OPTAX, "optax.losses.triplet_margin_loss(a, p, n)", (0.576735,)),
                (LT, "lt.functional.triplet_margin_loss(a, p, n)", 0.575739),
                (LJ, "lj.triplet_margin_loss(a, p, n)", (0.576735,)),
            ),
            why="PyTorch adds 1e-6 to every difference, optax to the sum of squares: a distance of 0 is 1.4e-6 "
            "there and 0.001 here. The faces do as their framework does.",
        ),
        Difference(
            title="Triplets with other norms",
            inputs={"a": [[1.0, 2.0]], "p": [[2.0, 2.0]], "n": [[3.0, 2.0]]},
            calls=calls(
                (TORCH, "F.triplet_margin_loss(a, n, p, p=1)", 2.0),
                (OPTAX, "optax.losses.triplet_margin_loss(a, n, p, norm_degree=1)", (0.0,)),
                (OPTAX, "optax.losses.triplet_margin_loss(a, n, p, norm_degree=3)", (math.nan,)),
                (LJ, "lj.triplet_margin_loss(a, n, p, norm_degree=1)", (2.0,)),
                (LJ, "lj.triplet_margin_loss(a, n, p, norm_degree=3)", (2.0,)),
            ),
            why="optax leaves out the bars of |d|: differences of opposite sign cancel, and negative sums have no "
            "root.",
        ),
        Difference(
            title="What survives saving",
            inputs={"x": [[10.0]], "y": [[0.0]]},
            calls=calls(
                (KERAS, "keras.losses.Huber(delta=5.0)(y, x)", 37.5),
                (KERAS, "keras.losses.deserialize(keras.losses.serialize(keras.losses.Huber(delta=5.0)))(y, x)", 9.5),
                (LK, "keras.losses.deserialize(keras.losses.serialize(lk.Huber(delta=5.0)))(y, x)", 37.5),
            ),
            why="Keras 3.15.1 forgets delta, the axis of a cosine and that of a sparse cross-entropy when a model is "
            "saved.",
        ),
        Difference(
            title="The axis of a saved cosine",
            inputs={"x": [[1.0, 0.0], [1.0, 0.0]], "y": [[1.0, 0.0], [0.0, 1.0]]},
            calls=calls(
                (KERAS, "keras.losses.CosineSimilarity(axis=0)(y, x)", -0.353553),
                (
                    KERAS,
                    "keras.losses.deserialize(keras.losses.serialize(keras.losses.CosineSimilarity(axis=0)))(y, x)",
                    -0.5,
                ),
                (LK, "keras.losses.deserialize(keras.losses.serialize(lk.CosineSimilarity(axis=0)))(y, x)", -0.353553),
            ),
            why="The same, for the axis.",
        ),
    ),
)
