"""LAB: the labels, their shape, their values."""

from __future__ import annotations

from ..rule import Rule, register

SO = "https://stackoverflow.com/q/"

register(
    Rule(
        code="LAB01",
        title="Prediction and target broadcast against each other",
        tier=1,
        severity="error",
        when=("first batch",),
        needs=(("loss", "prediction", "target"), ("prediction", "target")),
        criterion="The shapes differ, fit by broadcasting, and the result has more elements than either (Keras "
        "aligns (N, 1) with (N,) itself and is left out there).",
        why="Every prediction is compared with every target: the best answer is the mean, and that is what is learned.",
        fixes={
            "torch": "loss(prediction.squeeze(1), target)",
            "keras": "keras.ops.squeeze(prediction, axis=1)",
            "optax": "loss(prediction.squeeze(1), target)",
            "": "give both the same shape: prediction.squeeze(1), or target.reshape(-1, 1)",
        },
        explains=("DATA02", "OPT02", "PRED02", "OUT09", "GEN02"),
        references=("https://github.com/pytorch/pytorch/issues/16045", SO + "38447935"),
    ),
    Rule(
        code="LAB02",
        title="The labels have the wrong format for this loss",
        tier=1,
        severity="error",
        when=("static", "first batch"),
        needs=(("loss", "target"), ("loss", "prediction", "target")),
        criterion="One-hot rows for a loss that takes class indices; indices for a loss that takes one-hot rows; "
        "indices that are not whole numbers; integer one-hot rows for torch's CrossEntropyLoss, which takes indices "
        "or floating probabilities; floating indices, or a column of them, for a loss of torch; two one-hot columns "
        "for a binary loss over one column.",
        why="The framework raises an error about shapes or dtypes, or casts the labels to whole numbers in silence.",
        fixes={
            "torch": "target.argmax(dim=1) for indices; target.long() for their dtype",
            "keras": "SparseCategoricalCrossentropy for indices; keras.utils.to_categorical(y) for one-hot rows",
            "optax": "softmax_cross_entropy_with_integer_labels for indices; jax.nn.one_hot(y, K) for rows",
            "": "argmax for indices, one_hot for rows",
        },
        explains=("LAB03", "LAB05", "LAB01", "PRED01", "PRED03", "OPT02"),
        references=(SO + "62055783", SO + "68701979", SO + "59325381"),
    ),
    Rule(
        code="LAB03",
        title="Class indices are out of range",
        tier=1,
        severity="error",
        when=("first batch",),
        needs=(("loss", "prediction", "target"),),
        criterion="A label is negative (and not the ignored one) or at least the number K of classes.",
        why="On the CPU this raises; on an accelerator it gives NaN, a crash, or the wrong class.",
        fixes={
            "torch": "target - 1 where labels count from 1; ignore_index=… for labels that mean nothing",
            "keras": "y - 1 where labels count from 1; Dense(max + 1) for a class more",
            "": "count classes from 0 to K - 1, and ignore the others by mask",
        },
        explains=("OUT15", "NUM01"),
        references=(
            "https://github.com/tensorflow/tensorflow/issues/8484",
            "https://github.com/keras-team/keras/issues/11786",
        ),
    ),
    Rule(
        code="LAB04",
        title="The targets are not what a binary loss takes",
        tier=1,
        severity="error",
        when=("first batch",),
        needs=(("loss", "target"),),
        criterion="A binary cross-entropy with targets outside [0, 1]; or a loss on signs (margin, embedding) with "
        "targets other than -1 and +1 (Keras turns 0 and 1 into signs itself).",
        why="Outside [0, 1] the cross-entropy has no lower bound: it runs to minus infinity, and so do the weights.",
        fixes={
            "": "map the labels to 0 and 1 (or -1 and +1 for margins) first",
            "torch": "target = (target > 0).float()",
            "keras": 'y = (y > 0).astype("float32")',
        },
        explains=("OUT15", "OUT01", "OUT09", "PRED01", "INIT01", "LAB07", "OPT03", "OUT04", "MET02", "DATA04"),
        references=(SO + "60874661", "https://github.com/milesial/Pytorch-UNet/issues/65"),
    ),
    Rule(
        code="LAB05",
        title="Rows of soft labels are no distributions",
        tier=1,
        severity="error",
        when=("first batch",),
        needs=(("loss", "target"),),
        criterion="A loss that takes rows of probabilities gets a row with a negative value (error), rows of 0 and "
        "1 with several ones (error: several labels), or a sum that misses 1 by more than 1e-3 (warning; half "
        "precision 1e-2; an error for a divergence, if half of the sums miss 1 by more than 0.5). Rows that are 0 "
        "throughout are left out: they count nothing.",
        why="The loss weighs such rows by their sum, and its best value is no longer where the labels say.",
        fixes={
            "torch": "target / target.sum(dim=1, keepdim=True); nn.BCEWithLogitsLoss() for several labels",
            "keras": 'y / y.sum(axis=-1, keepdims=True); "binary_crossentropy" with sigmoid for several labels',
            "": "normalise the rows; take the binary cross-entropy for several labels",
        },
        explains=("OUT15",),
        references=(SO + "50555434",),
    ),
    Rule(
        code="LAB06",
        title="NaN or infinity in the data",
        tier=1,
        severity="error",
        when=("data",),
        needs=(("target",), ("inputs",)),
        criterion="A target that counts is NaN or infinite; or an input is, and predictions of 32 or fewer rows, or "
        "of the same rows, are NaN, too. A note where predictions stay finite, or the loss is a function of your own.",
        why="One such row makes the loss NaN, its gradient NaN, and after the first step all weights NaN.",
        fixes={
            "": "keep = np.isfinite(y) & np.isfinite(X).all(axis=1); X, y = X[keep], y[keep]",
            "torch": "keep = torch.isfinite(y); or mask the loss with torch.where, not by multiplying with 0",
        },
        explains=("NUM01", "OPT03", "DATA01", "DATA02"),
        references=(SO + "53640858",),
    ),
    Rule(
        code="LAB07",
        title="Values lie outside what the loss is defined on",
        tier=1,
        severity="error",
        when=("data", "first batch"),
        needs=(("loss", "target"), ("loss", "prediction")),
        criterion="Targets or predictions outside the domain of the loss: negative counts for Poisson, targets of 0 "
        "or less for Gamma, -1 or less for the squared logarithmic error, targets of exactly 0 for the percentage "
        "error.",
        why="The loss is NaN, is clipped without a gradient, or pays for answers that are wrong.",
        fixes={
            "": "take a loss that is defined there (squared error, Huber), or mend the values; an exp or "
            "softplus keeps predictions positive",
        },
        explains=("NUM01", "INIT01", "OPT02"),
        references=(SO + "56774954",),
    ),
    Rule(
        code="LAB08",
        title="The labels are text",
        tier=1,
        severity="error",
        when=("data",),
        needs=(("target",),),
        criterion="The target holds strings or mixed Python objects.",
        why="Frameworks compute with numbers; some cast strings in silence.",
        fixes={"": "classes, y = np.unique(labels, return_inverse=True)"},
    ),
)
