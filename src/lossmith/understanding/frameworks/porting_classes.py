"""How to port losses of yes-or-no targets, of classes, and of distributions."""

from __future__ import annotations

from .tables import Port

_BINARY = {"x": [[2.0], [-0.5]], "y": [[1.0], [1.0]]}
_HALF = {"p": [[0.9], [0.4]], "y": [[1.0], [0.0]]}
_SIGNS = {"x": [[0.3], [2.0]], "y": [[1.0], [-1.0]]}
_CLASSES = {"x": [[2.0, 0.5, 0.0], [0.0, 1.0, 3.0]], "y": [0, 1]}
_ROWS = {"x": _CLASSES["x"], "y": [[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]]}
_PROBABILITIES = {"p": [[0.7, 0.2, 0.1], [0.3, 0.6, 0.1]], "y": [0, 1]}
_DISTRIBUTIONS = {"p": _PROBABILITIES["p"], "y": [[0.5, 0.5, 0.0], [0.1, 0.8, 0.1]]}
_SCCE = "keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, x)"
_OPTAX_CE = "optax.losses.softmax_cross_entropy_with_integer_labels(x, y)"

BINARY = (
    Port(
        title="Sigmoid cross-entropy",
        inputs=_BINARY,
        value=0.550502,
        keras="keras.losses.BinaryCrossentropy(from_logits=True)(y, x)",
        torch="nn.BCEWithLogitsLoss()(x, y)",
        optax="optax.losses.sigmoid_binary_cross_entropy(x, y).mean()",
        lossmith="lm.sigmoid_cross_entropy(x, y)",
    ),
    Port(
        title="Binary cross-entropy on probabilities",
        inputs=_HALF,
        value=0.308093,
        keras="keras.losses.BinaryCrossentropy()(y, p)",
        torch="nn.BCELoss()(p, y)",
        optax="optax.losses.sigmoid_binary_cross_entropy(jax.scipy.special.logit(p), y).mean()",
        lossmith="lm.binary_cross_entropy(p, y)",
        note="At probabilities of 0 and 1 Keras stops at 16.118 (epsilon=1e-7 in lossmith), PyTorch and lossmith at "
        "100.",
    ),
    Port(
        title="A weight of positives",
        inputs=_BINARY,
        value=1.651506,
        keras="keras.losses.BinaryCrossentropy(from_logits=True)(y, x, sample_weight=1 + 2 * y[:, 0])",
        torch="nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0))(x, y)",
        optax="((1 + 2 * y) * optax.losses.sigmoid_binary_cross_entropy(x, y)).mean()",
        lossmith="lm.sigmoid_cross_entropy(x, y, pos_weight=3.0)",
        note="The mean divides by the number of elements; with a weight per sample instead, lossmith divides by the "
        "sum of the weights.",
    ),
    Port(
        title="Smoothed yes-or-no targets",
        inputs=_BINARY,
        value=0.625502,
        keras="keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.2)(y, x)",
        torch="nn.BCEWithLogitsLoss()(x, 0.8 * y + 0.1)",
        optax="optax.losses.sigmoid_binary_cross_entropy(x, 0.8 * y + 0.1).mean()",
        lossmith="lm.sigmoid_cross_entropy(x, y, label_smoothing=0.2)",
    ),
    Port(
        title="Binary focal loss",
        inputs=_BINARY,
        value=0.1896076,
        keras="keras.losses.BinaryFocalCrossentropy(gamma=2.0, from_logits=True)(y, x)",
        optax="optax.losses.sigmoid_focal_loss(x, y, gamma=2.0).mean()",
        lossmith="lm.sigmoid_focal(x, y, gamma=2.0)",
        note="PyTorch has none; torchvision's has alpha=0.25 by default, the others no alpha.",
    ),
    Port(
        title="Binary focal loss with alpha",
        inputs=_BINARY,
        value=0.0474019,
        keras="keras.losses.BinaryFocalCrossentropy(alpha=0.25, apply_class_balancing=True, from_logits=True)(y, x)",
        optax="optax.losses.sigmoid_focal_loss(x, y, alpha=0.25).mean()",
        lossmith="lm.sigmoid_focal(x, y, alpha=0.25)",
        note="Without apply_class_balancing=True Keras ignores alpha.",
    ),
    Port(
        title="Hinge",
        inputs=_SIGNS,
        value=1.85,
        keras="keras.losses.Hinge()(y, x)",
        torch="F.relu(1 - x * y).mean()",
        optax="optax.losses.hinge_loss(x, y).mean()",
        lossmith="lm.hinge(x, y)",
        note="Targets are -1 and +1. Keras also takes 0 and 1, if the whole batch does; for the others 2 * y - 1.",
    ),
    Port(
        title="Squared hinge",
        inputs=_SIGNS,
        value=4.745,
        keras="keras.losses.SquaredHinge()(y, x)",
        torch="F.relu(1 - x * y).square().mean()",
        optax="(optax.losses.hinge_loss(x, y) ** 2).mean()",
        lossmith="lm.squared_hinge(x, y)",
    ),
    Port(
        title="Perceptron",
        inputs=_SIGNS,
        value=1.0,
        keras="keras.ops.mean(keras.ops.relu(-x * y))",
        torch="F.relu(-x * y).mean()",
        optax="optax.losses.perceptron_loss(x, y).mean()",
        lossmith="lm.perceptron(x, y)",
    ),
    Port(
        title="Soft margin",
        inputs=_SIGNS,
        value=1.340642,
        keras="keras.losses.BinaryCrossentropy(from_logits=True)((y + 1) / 2, x)",
        torch="nn.SoftMarginLoss()(x, y)",
        optax="optax.losses.sigmoid_binary_cross_entropy(x, (y + 1) / 2).mean()",
        lossmith="lm.soft_margin(x, y)",
        note="Sigmoid cross-entropy, with targets -1 and +1.",
    ),
    Port(
        title="Many labels at once",
        inputs={"x": [[2.0, -0.5, 0.3]], "y": [[1.0, 0.0, 1.0]]},
        value=0.385121,
        keras="keras.losses.BinaryCrossentropy(from_logits=True)(y, x)",
        torch="nn.MultiLabelSoftMarginLoss()(x, y)",
        optax="optax.losses.sigmoid_binary_cross_entropy(x, y).mean()",
        lossmith="lm.multilabel_soft_margin(x, y)",
    ),
    Port(
        title="Many labels at once, by margins",
        inputs={"x": [[0.1, 0.2, 0.4, 0.8]], "listed": [[3, 0, -1, 1]], "flags": [[1, 0, 0, 1]]},
        value=0.85,
        torch="nn.MultiLabelMarginLoss()(x, listed)",
        lossmith="lm.multilabel_margin(x, flags)",
        note="PyTorch takes the list of labels, ended by -1, lossmith.torch too; lossmith itself takes 0 and 1 per "
        "class.",
    ),
)

CLASSES = (
    Port(
        title="Softmax cross-entropy with labels",
        inputs=_CLASSES,
        value=1.238101,
        keras=_SCCE,
        torch="nn.CrossEntropyLoss()(x, y)",
        optax=f"{_OPTAX_CE}.mean()",
        lossmith="lm.softmax_cross_entropy(x, y)",
        note="Logits. Keras takes probabilities unless told from_logits=True.",
    ),
    Port(
        title="Softmax cross-entropy with rows",
        inputs=_ROWS,
        value=0.738101,
        keras="keras.losses.CategoricalCrossentropy(from_logits=True)(y, x)",
        torch="nn.CrossEntropyLoss()(x, y)",
        optax="optax.losses.softmax_cross_entropy(x, y).mean()",
        lossmith="lm.softmax_cross_entropy(x, y)",
        note="optax.losses.safe_softmax_cross_entropy stands for the same in lossmith, which is safe everywhere.",
    ),
    Port(
        title="Cross-entropy on probabilities",
        inputs=_PROBABILITIES,
        value=0.43375,
        keras="keras.losses.SparseCategoricalCrossentropy()(y, p)",
        torch="nn.NLLLoss()(p.log(), y)",
        optax="optax.losses.softmax_cross_entropy_with_integer_labels(jnp.log(p), y).mean()",
        lossmith="lm.categorical_cross_entropy(p, y)",
        note="Keras normalises rows that do not sum to 1, lossmith refuses them.",
    ),
    Port(
        title="Negative log-likelihood",
        inputs={"x": [[-0.356675, -1.609438, -2.302585], [-1.203973, -0.510826, -2.302585]], "y": [0, 1]},
        value=0.43375,
        keras=_SCCE,
        torch="nn.NLLLoss()(x, y)",
        optax=f"{_OPTAX_CE}.mean()",
        lossmith="lm.negative_log_likelihood(x, y)",
        note="Log-probabilities are logits that the softmax leaves as they are.",
    ),
    Port(
        title="Label smoothing",
        inputs=_CLASSES,
        value=1.279768,
        keras="keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)(keras.ops.one_hot(y, 3), x)",
        torch="nn.CrossEntropyLoss(label_smoothing=0.1)(x, y)",
        optax="optax.losses.softmax_cross_entropy(x, optax.losses.smooth_labels(jax.nn.one_hot(y, 3), 0.1)).mean()",
        lossmith="lm.softmax_cross_entropy(x, y, label_smoothing=0.1)",
        note="The share goes to all classes, the true one included, everywhere.",
    ),
    Port(
        title="Class weights",
        inputs={**_CLASSES, "w": [1.0, 4.0, 2.0]},
        value=1.797148,
        keras='keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")'
        "(y, x, sample_weight=w[y])",
        torch="nn.CrossEntropyLoss(weight=w)(x, y)",
        optax=f"jnp.average({_OPTAX_CE}, weights=w[y])",
        lossmith="lm.softmax_cross_entropy(x, y, class_weight=w)",
        note="The mean divides by the weights of the true classes. PyTorch divides by the number of rows instead where "
        "the targets are rows.",
    ),
    Port(
        title="A label that does not count",
        inputs={"x": [[2.0, 0.5, 0.0], [0.0, 1.0, 3.0]], "y": [0, 2]},
        value=0.3063557,
        keras="keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=2)(y, x)",
        torch="nn.CrossEntropyLoss(ignore_index=2)(x, y)",
        optax=f"{_OPTAX_CE}.mean(where=y != 2)",
        lossmith="lm.softmax_cross_entropy(x, y, ignore_index=2)",
        note="PyTorch ignores -100 unless told otherwise; the others ignore nothing.",
    ),
    Port(
        title="Classes on axis 1",
        inputs={"x": [[[2.0, 0.0], [0.5, 1.0], [0.0, 3.0]]], "y": [[0, 1]]},
        value=1.238101,
        keras="keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, keras.ops.swapaxes(x, 1, 2))",
        torch="nn.CrossEntropyLoss()(x, y)",
        optax="optax.losses.softmax_cross_entropy_with_integer_labels(x, y, axis=1).mean()",
        lossmith="lm.softmax_cross_entropy(x, y, axis=1)",
        note="PyTorch's order for images and sequences; everybody else's classes come last by default.",
    ),
    Port(
        title="A linear layer and cross-entropy",
        inputs={"x": [[1.0, 2.0], [0.0, 1.0]], "w": [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], "y": [0, 2]},
        value=1.634801,
        keras="keras.losses.SparseCategoricalCrossentropy(from_logits=True)(y, x @ w.T)",
        torch="F.linear_cross_entropy(x, w, y)",
        optax="optax.losses.softmax_cross_entropy_with_integer_labels(x @ w.T, y).mean()",
        lossmith="lm.softmax_cross_entropy(x @ w.T, y)",
        note="nn.LinearCrossEntropyLoss holds the weights itself. In chunks, without all logits at once, it is there "
        "in PyTorch and in lossmith.torch.",
    ),
    Port(
        title="Categorical focal loss",
        inputs={**_PROBABILITIES, "rows": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]},
        value=0.0142293,
        keras="keras.losses.CategoricalFocalCrossentropy(alpha=0.25, gamma=2.0)(rows, p)",
        lossmith="0.25 * lm.categorical_focal(p, y, gamma=2.0)",
        note="Keras' alpha multiplies every class. With from_logits=True it is softmax_focal.",
    ),
    Port(
        title="Generalised cross-entropy",
        inputs=_PROBABILITIES,
        value=0.388743,
        keras="keras.losses.CategoricalGeneralizedCrossEntropy(q=0.5)(y, p)",
        lossmith="lm.generalised_cross_entropy(p, y, q=0.5)",
    ),
    Port(
        title="Poly cross-entropy",
        inputs={**_CLASSES, "rows": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]},
        value=2.387781,
        optax="optax.losses.poly_loss_cross_entropy(x, rows, epsilon=2.0).mean()",
        lossmith="lm.poly_cross_entropy(x, y, epsilon=2.0)",
        note="The default of epsilon is 2 in optax and 1 in lossmith.",
    ),
    Port(
        title="Hinge over classes",
        inputs={**_CLASSES, "rows": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]},
        value=1.5,
        keras="keras.losses.CategoricalHinge()(rows, x)",
        optax="optax.losses.multiclass_hinge_loss(x, y).mean()",
        lossmith="lm.categorical_hinge(x, y)",
        note="Keras counts the best other score as at least 0: rivals_from_zero=True in lossmith.",
    ),
    Port(
        title="Hinge over all classes",
        inputs=_CLASSES,
        value=0.5,
        torch="nn.MultiMarginLoss(p=1, margin=1.0)(x, y)",
        lossmith="lm.multi_margin(x, y, margin=1.0)",
        note="p=2 is squared=True.",
    ),
)

DISTRIBUTIONS = (
    Port(
        title="Kullback-Leibler divergence",
        inputs=_DISTRIBUTIONS,
        value=0.2050969,
        keras="keras.losses.KLDivergence()(y, p)",
        torch='nn.KLDivLoss(reduction="batchmean")(p.log(), y)',
        optax="optax.losses.kl_divergence(jnp.log(p), y).mean()",
        lossmith="lm.kl_divergence(p, y)",
        note="The target is the reference everywhere, KL(target || prediction), but it comes first in Keras, and "
        "PyTorch and optax want the logarithm of the prediction. Keras raises both to at least 1e-7.",
    ),
    Port(
        title="Kullback-Leibler divergence by PyTorch's mean",
        inputs=_DISTRIBUTIONS,
        value=0.0683656,
        keras="keras.losses.KLDivergence()(y, p) / 3",
        torch="nn.KLDivLoss()(p.log(), y)",
        optax="optax.losses.kl_divergence(jnp.log(p), y).mean() / 3",
        lossmith="lm.kl_divergence(p, y) / 3",
        note="PyTorch's default divides by the number of elements: by the three classes, too.",
    ),
    Port(
        title="Kullback-Leibler divergence between logarithms",
        inputs={"x": [[-0.356675, -1.609438, -2.302585]], "y": [[-0.693147, -0.916291, -2.302585]]},
        value=0.1090227,
        keras="keras.losses.KLDivergence()(keras.ops.exp(y), keras.ops.exp(x))",
        torch='nn.KLDivLoss(reduction="batchmean", log_target=True)(x, y)',
        optax="optax.losses.kl_divergence_with_log_targets(x, y).mean()",
        lossmith="lm.kl_divergence_log_probabilities(x, np.exp(y))",
    ),
    Port(
        title="Generalised Kullback-Leibler divergence",
        inputs={"x": [[0.5, -1.0]], "y": [[1.0, 2.0]]},
        value=1.902895,
        torch='(F.kl_div(x, y, reduction="none") + x.exp() - y).sum(-1).mean()',
        optax="optax.losses.generalized_kl_divergence(x, y).mean()",
        lossmith="lm.generalised_kl(np.exp(x), y)",
        note="optax.losses.convex_kl_divergence is its older name.",
    ),
)

SEQUENCES = (
    Port(
        title="CTC",
        inputs={"x": [[[0.0] * 3] * 4], "y": [[1, 2]]},
        value=1.686399,
        keras="keras.losses.CTC()(y, x)",
        torch='nn.CTCLoss(reduction="sum")'
        "(x.transpose(0, 1).log_softmax(-1), y, torch.tensor([4]), torch.tensor([2])) / len(y)",
        optax="optax.losses.ctc_loss(x, jnp.zeros((1, 4)), y, jnp.zeros((1, 2))).mean()",
        lossmith="lm.ctc(x, y)",
        note="Keras, optax and lossmith take logits (batch, time, classes), PyTorch log-probabilities (time, batch, "
        "classes). PyTorch's mean divides by target lengths: take the sum over the batch size. Lengths are lengths in "
        "PyTorch, paddings in optax (1 where nothing is), prediction_length= and target_length= in lossmith; in Keras "
        "a 0, the blank, also fills targets up.",
    ),
    Port(
        title="Dice",
        inputs={"x": [[2.0, -1.0, 0.5]], "y": [[1.0, 0.0, 1.0]]},
        value=0.2029812,
        keras="keras.losses.Dice()(y, keras.ops.sigmoid(x))",
        optax="optax.losses.binary_dice_loss(x, y, smooth=0.0).mean()",
        lossmith="lm.sigmoid_dice(x, y, smooth=0.0)",
        note="Keras takes probabilities and gives one number for the whole batch (axis= keeps samples apart); optax "
        "and lossmith score each sample and smooth by 1 unless told otherwise. For classes optax.losses.dice_loss is "
        "softmax_dice.",
    ),
    Port(
        title="Tversky",
        inputs={"x": [[2.0, -1.0, 0.5]], "y": [[1.0, 0.0, 1.0]]},
        value=0.2217798,
        keras="keras.losses.Tversky(alpha=0.7, beta=0.3)(y, keras.ops.sigmoid(x))",
        optax="optax.losses.dice_loss(x[..., None], y[..., None], alpha=0.3, beta=0.7, smooth=0.0).mean()",
        lossmith="lm.sigmoid_tversky(x, y, alpha=0.3, beta=0.7, smooth=0.0)",
        note="alpha weighs false positives, except in Keras 3.15.1, where it weighs false negatives; lossmith.keras "
        "has it the right way round.",
    ),
)

BATCHES = (
    Port(
        title="NT-Xent",
        inputs={"x": [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]], "y": [0, 0, 1]},
        value=0.5881488,
        optax="optax.losses.ntxent(x, y, temperature=0.5)",
        lossmith="lm.nt_xent(x, y, temperature=0.5)",
    ),
    Port(
        title="Circle",
        inputs={"x": [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]], "y": [0, 0, 1]},
        value=19.2,
        keras="keras.losses.Circle()(y, x)",
        lossmith="lm.circle(x, y)",
    ),
)
