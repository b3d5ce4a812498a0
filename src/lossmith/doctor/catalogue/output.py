"""OUT: the last layer, the loss and what passes between them."""

from __future__ import annotations

from ..rule import Rule, register

SO = "https://stackoverflow.com/q/"

register(
    Rule(
        code="OUT01",
        title="Softmax over a single unit is always 1",
        tier=1,
        severity="error",
        when=("static", "first batch"),
        needs=(("activation", "prediction"), ("prediction", "target")),
        criterion="The last activation is a softmax over one unit; or the prediction has one column, is exactly 1 "
        "in all of 16 or more rows, and the targets (of another value than 1, and not outside [0, 1] under a binary "
        "loss) vary.",
        why="The model answers 1 whatever its input. On Keras with TensorFlow the loss falls all the same, because "
        "Keras trains on the logits that it keeps; the predictions stay 1.",
        fixes={
            "torch": "return the single logit, and take nn.BCEWithLogitsLoss()",
            "keras": 'Dense(1, activation="sigmoid")  # with loss="binary_crossentropy"',
            "": "use a sigmoid for one unit (no activation for a regression)",
        },
        explains=(
            "PRED01",
            "PRED02",
            "PRED03",
            "OPT02",
            "OPT04",
            "OPT11",
            "INIT01",
            "OUT05",
            "MET02",
            "GEN07",
            "GEN02",
        ),
        references=(SO + "57397440", SO + "52983831", SO + "68938619"),
    ),
    Rule(
        code="OUT02",
        title="Probabilities are fed to a loss that applies softmax or sigmoid itself",
        tier=1,
        severity="error",
        when=("static", "first batch"),
        needs=(("loss", "activation"), ("loss", "prediction")),
        criterion="The loss takes logits, and the last activation is a softmax or sigmoid whose range the "
        "predictions keep; or, for softmax, 32 or more predictions all lie in [0, 1] and rows sum to 1 within 1e-3 "
        "(half precision: 1e-2); or, for sigmoid, all of 64 or more predictions lie strictly between 0 and 1 "
        "although normal logits of their mean and spread would all do so with a probability below 1e-6. "
        "Log-probabilities, which softmax leaves as they are, are a note.",
        why="The activation is applied twice: gradients shrink, and the loss cannot come near 0 however good the "
        "model.",
        fixes={
            "torch": "delete the last nn.Softmax / nn.Sigmoid: return logits from forward()",
            "keras": "either drop the last activation, or the loss's from_logits=True",
            "": "give the loss logits: drop the softmax or sigmoid before it",
        },
        explains=("INIT01", "OPT02", "OPT06", "GEN02", "GEN07"),
        references=(
            SO + "50032197",
            SO + "57605741",
            "https://github.com/Turoad/lanedet/issues/32",
            "https://github.com/NVIDIA-Merlin/models/issues/1175",
        ),
    ),
    Rule(
        code="OUT03",
        title="Logits are fed to a loss that expects probabilities",
        tier=1,
        severity="error",
        when=("static", "first batch"),
        needs=(("loss", "activation"), ("loss", "prediction")),
        criterion="The loss takes probabilities, and a prediction lies outside [0, 1] by more than 1e-5 (half "
        "precision: 1e-2); or the last activation of a Keras model is linear, relu, tanh, …; or rows of a "
        "categorical loss are all within [0, 1], do not sum to 1, and a hundredth of the values is exactly 0, which "
        "is a ReLU's output.",
        why="What lies outside [0, 1] is clipped, and clipped values have no gradient; or the logarithm is NaN.",
        fixes={
            "torch": "take nn.BCEWithLogitsLoss() or nn.CrossEntropyLoss(), which expect logits",
            "keras": "pass from_logits=True to the loss: keras.losses.BinaryCrossentropy(from_logits=True)",
            "lossmith": "take the loss on logits: sigmoid_cross_entropy, softmax_cross_entropy",
            "": "apply sigmoid or softmax first, or take the loss that expects logits",
        },
        explains=("INIT01", "OPT02", "OPT03", "OPT04", "OPT11", "OUT04", "OUT15", "GEN07", "NUM01", "LAB07", "PRED01"),
        references=(SO + "53254870", SO + "57407973", SO + "64395424", SO + "51185079", SO + "53700537"),
    ),
    Rule(
        code="OUT04",
        title="Independent sigmoids for exclusive classes",
        tier=1,
        severity="error",
        when=("static", "first batch"),
        needs=(("loss", "activation"), ("loss", "prediction")),
        criterion="A categorical loss on probabilities, with a sigmoid over several units, or with rows of "
        "predictions in [0, 1] whose sums miss 1 by more than 0.05 while no other axis sums to 1 (warning on Keras "
        "with TensorFlow); or a binary loss over 3 or more columns, neither softmax rows, whose 32 or more rows of "
        "targets (200 or more labels) are all one-hot (warning).",
        why="The outputs are no distribution over the classes: their sum is not 1, so they do not say how likely a "
        "class is, and the categorical loss counts only one of them.",
        fixes={
            "torch": "take nn.CrossEntropyLoss() on the logits",
            "keras": 'Dense(K, activation="softmax")  # with loss="categorical_crossentropy"',
            "": "take softmax and the categorical cross-entropy",
        },
        explains=("GEN07",),
        references=(SO + "41823068", SO + "61886777", SO + "58333926"),
    ),
    Rule(
        code="OUT05",
        title="Binary cross-entropy on a softmax over several classes",
        tier=1,
        severity="warning",
        when=("static", "first batch"),
        needs=(("loss", "activation"), ("loss", "prediction")),
        criterion="A binary loss on probabilities, three or more columns, and the last activation is softmax or 32 "
        "or more predictions lie in [0, 1] with rows that sum to 1 within 1e-3. With two columns the two losses are "
        "the same up to a factor: a note.",
        why="Every class counts as a yes-or-no question although the answers exclude each other; the loss is "
        "smaller than the categorical one and its accuracy is one of single labels, which a constant nearly reaches.",
        fixes={
            "torch": "take nn.CrossEntropyLoss() on the logits",
            "keras": 'loss="categorical_crossentropy"',
            "": "take the categorical cross-entropy",
        },
        references=(SO + "45337371",),
    ),
    Rule(
        code="OUT06",
        title="A categorical loss over one class is 0 for any model",
        tier=1,
        severity="error",
        when=("static", "first batch"),
        needs=(("loss", "prediction"),),
        criterion="The loss is a categorical one, and its class axis has length 1.",
        why="The softmax of one number is 1, so the loss is 0 (or constant) and so is its gradient: nothing is "
        "learned.",
        fixes={
            "torch": "nn.BCEWithLogitsLoss() for yes or no; nn.Linear(…, K) for K classes",
            "keras": 'Dense(1, activation="sigmoid") with "binary_crossentropy"; Dense(K) for K classes',
            "": "one output with the binary cross-entropy, or one output per class",
        },
        explains=("OUT01", "OUT02", "PRED01", "OPT04", "OPT11", "OPT02", "OUT15", "LAB02", "LAB03", "LAB05"),
        references=(SO + "66602662", SO + "70650848", SO + "49931055"),
    ),
    Rule(
        code="OUT07",
        title="Targets lie where the last activation cannot reach",
        tier=1,
        severity="error",
        when=("static", "first batch"),
        needs=(("loss", "activation", "target"), ("loss", "prediction", "target")),
        criterion="A regression loss, and targets outside the range of the last activation by more than 1e-6 of their "
        "span: more than 1 % of them is an error, fewer a warning. The activation is the model's, or shows in the "
        "predictions: rows that sum to 1 (softmax), or none negative and a hundredth exactly 0 (ReLU).",
        why="However long it trains, the model cannot answer these targets.",
        fixes={
            "torch": "end the model with nn.Linear, without an activation (or scale y into the range)",
            "keras": "Dense(1)  # without an activation; or scale y into the range",
            "": "no activation on the last layer, or scale y into its range",
        },
        explains=("PRED01", "PRED02", "OPT02", "OPT04", "OPT11", "DATA02", "GEN02", "GEN12"),
        references=(SO + "48976413", SO + "62313327", SO + "48251943", SO + "60801900", SO + "54738769"),
    ),
    Rule(
        code="OUT08",
        title="Logits are rectified or bounded by an activation",
        tier=2,
        severity="warning",
        when=("static", "first batch"),
        needs=(("loss", "activation"), ("loss", "prediction")),
        criterion="The loss takes logits, and the last activation is relu, softplus or another one without negative "
        "values; or such an activation stands before a last softmax or sigmoid, with at most pooling between; or none "
        "of 64 or more logits is negative and a hundredth of them (but not all) is exactly 0. Or a cross-entropy gets "
        "the logits from a last tanh, or ones that PyTorch's graph shows to be so narrowly bounded (cosines times a "
        "temperature) that the loss stays above 0.8 times that of equal logits. Or a Poisson loss of the rate's "
        "logarithm gets it from a rectifier: an error where the targets' mean is below 1.",
        why="A class cannot be ruled out below 0, and where the rectifier is off no gradient flows. Between -1 and 1 "
        "no answer can be sure, and the loss stays above a floor.",
        fixes={"": "end with the plain linear layer: no activation before softmax or sigmoid"},
        references=(SO + "47735201",),
    ),
    Rule(
        code="OUT09",
        title="A regression loss on classes",
        tier=1,
        severity="warning",
        when=("static", "data"),
        needs=(("loss", "prediction", "target"),),
        criterion="Squared, absolute or Huber error on 8 or more rows whose targets are one-hot over 3 or more "
        "columns, or 0 and 1 (both) in a single column. Where the predictions are probabilities this is the Brier "
        "score: a note. Or 40 or more targets in a single column are 0 … K - 1, for a K of 3 to 10, and each is at "
        "least half as frequent as they are on average.",
        why="The gradient vanishes where a sigmoid or softmax is sure and wrong, and outputs without an activation "
        "are no probabilities; the classes' own loss learns faster and says more.",
        fixes={
            "torch": "nn.BCEWithLogitsLoss() or nn.CrossEntropyLoss() on the logits",
            "keras": 'loss="binary_crossentropy" with a sigmoid, "categorical_crossentropy" with a softmax',
            "": "take the binary or categorical cross-entropy",
        },
        references=(SO + "44758894", SO + "50641866"),
    ),
    Rule(
        code="OUT10",
        title="A classification loss on continuous targets",
        tier=1,
        severity="error",
        when=("data",),
        needs=(("loss", "target"),),
        criterion="A binary loss with targets that are neither whole nor within [0, 1]; or a categorical loss with one "
        "number per row, more than 20 different ones, that are not whole.",
        why="The loss has no lower bound there, or cuts the numbers down to whole ones.",
        fixes={
            "torch": "nn.MSELoss() or nn.HuberLoss()",
            "keras": 'loss="mse"  # and a linear last layer',
            "": "take a regression loss: squared error or Huber",
        },
        explains=("LAB02", "LAB04", "LAB05", "OUT15", "INIT01"),
    ),
    Rule(
        code="OUT11",
        title="The loss expects log-probabilities and gets something else",
        tier=1,
        severity="error",
        when=("static", "first batch"),
        needs=(("loss", "prediction"),),
        criterion="The loss takes log-probabilities (NLL, KL, CTC of torch), and the log-sum-exp of a row misses 0 "
        "by more than 1e-3 (half precision: 3e-2) along every axis that may be the classes'.",
        why="Without the normalisation the loss has no lower bound: it falls by making all scores larger.",
        fixes={
            "torch": "F.log_softmax(x, dim=1) first, or nn.CrossEntropyLoss() on the logits",
            "keras": "give probabilities: softmax, not logits",
            "optax": "jax.nn.log_softmax(x) first",
            "": "log_softmax first, or the cross-entropy on logits",
        },
        explains=("OUT15", "INIT01", "OPT02", "NUM01"),
        references=("https://docs.pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html",),
    ),
    Rule(
        code="OUT12",
        title="The loss class stands where a loss object belongs",
        tier=1,
        severity="error",
        when=("static",),
        needs=(("loss",),),
        criterion="The loss is a class of torch.nn or lossmith rather than an object of it. Keras makes the object "
        "itself, so there it is a note.",
        why="Calling the class makes an object out of prediction and target instead of comparing them.",
        fixes={
            "torch": "criterion = nn.CrossEntropyLoss()  # with parentheses; then criterion(prediction, target)",
            "lossmith": "loss = lm.SquaredError()  # with parentheses; then loss(prediction, target)",
            "": "make the object first: Loss()(prediction, target)",
        },
        references=("https://github.com/Lightning-AI/pytorch-lightning/issues/501",),
    ),
    Rule(
        code="OUT13",
        title="Prediction and target have changed places",
        tier=2,
        severity="error",
        when=("static", "first batch"),
        needs=(("loss", "prediction", "target"),),
        criterion="The loss is not symmetric, and the prediction is of an integer dtype while the target is "
        "floating; or 16 or more predictions are all 0 or 1 (both occur) while a tenth of the targets of a "
        "classification is neither; or PyTorch's graph leads to the target and not to the prediction, and the loss is "
        "no divergence. Or a function that Keras calls with (y_true, y_pred) has parameters whose names say the "
        "reverse, while their order changes its value on the batch; or it gives, to four digits, a percentage error, a "
        "cross-entropy or a Poisson loss of the target as the prediction and the prediction as the target.",
        why="The gradient flows into the labels, or nowhere.",
        fixes={
            "torch": "loss(prediction, target)",
            "keras": "loss(y_true, y_pred)",
            "optax": "loss(prediction, target)",
            "": "loss(prediction, target)",
        },
        explains=("OUT03", "OUT10", "LAB04", "LAB02", "LAB05", "LAB07", "OUT07", "OUT15", "OUT02", "OUT09", "OPT03"),
    ),
    Rule(
        code="OUT14",
        title="Softmax runs over the wrong axis",
        tier=1,
        severity="error",
        when=("static", "first batch"),
        needs=(("loss", "prediction"),),
        criterion="32 or more predictions lie in [0, 1] (after exp, for log-probabilities) and sum to 1 within 1e-3 "
        "along an axis that is not the classes', and not along the classes'; or along steps that were flattened. Or "
        "PyTorch's graph shows a reshape where an axis was to be moved; or, with as many steps as classes, that a "
        "linear layer has put the classes on the last axis for a loss that has them on axis 1.",
        why="Rows of the batch compete with each other instead of classes, and a prediction depends on its neighbours.",
        fixes={
            "torch": "softmax(x, dim=1)  # the class axis",
            "keras": "softmax(x, axis=-1)",
            "": "take the softmax over the class axis",
        },
        explains=("OUT02", "OUT03", "OUT04", "OUT11", "OPT02", "INIT01"),
        references=("https://docs.pytorch.org/docs/stable/generated/torch.nn.Softmax.html",),
    ),
    Rule(
        code="OUT15",
        title="The loss has a value that it cannot have",
        tier=1,
        severity="error",
        when=("training",),
        needs=(("loss", "history"), ("history",)),
        criterion="A loss that is never negative falls below -1e-6; or the loss is exactly 0 for two epochs while the "
        "accuracy is below 1.",
        why="Labels or predictions lie outside what the loss is defined on, so its value says nothing.",
        fixes={
            "": "check labels (0 and 1?) and the form of the predictions: lossmith.doctor.check(loss, prediction, y)"
        },
        references=(SO + "60874661", "https://github.com/milesial/Pytorch-UNet/issues/65"),
    ),
    Rule(
        code="OUT16",
        title="Dropout between the logits and the loss",
        tier=2,
        severity="warning",
        when=("static", "first batch"),
        needs=(("model",), ("loss", "prediction")),
        criterion="The last layer with an effect, or the last one before the final activation, is a dropout. Or of 64 "
        "or more logits over classes, of both signs, a twentieth or more are exactly 0, every class about as often and "
        "whole rows no more often than by chance.",
        why="It sets the answer itself to 0 at random: classes are told to be even odds, numbers to be 0.",
        fixes={"": "move the dropout before the last linear layer"},
        references=(SO + "44755431",),
    ),
    Rule(
        code="OUT17",
        title="Padding is averaged into the loss",
        tier=1,
        severity="warning",
        when=("first batch",),
        needs=(("loss", "prediction", "target"),),
        criterion="Targets are integer labels (N, T) with T >= 4, no weight or mask is given, and the lowest or "
        "highest label stands at row ends alone, never before another label: in 8 or more rows, in runs of 3 or "
        "more different lengths, 10 % or more of all labels, with 8 or more different labels besides; and it is not "
        "the ignored label. All labels ignored is a warning, too.",
        why="The model is paid for predicting padding, which is easy: the loss looks better than it is, and short "
        "sequences count less.",
        fixes={
            "torch": "nn.CrossEntropyLoss(ignore_index=PAD)",
            "keras": "SparseCategoricalCrossentropy(ignore_class=PAD), or sample_weight=(y != PAD)",
            "lossmith": "softmax_cross_entropy(…, ignore_index=PAD)",
            "optax": "multiply by mask = (y != PAD) and divide by mask.sum()",
        },
        references=("https://github.com/huggingface/transformers/issues/34191",),
    ),
    Rule(
        code="OUT18",
        title="The loss is reduced to the wrong scale",
        tier=2,
        severity="warning",
        when=("training",),
        needs=(("gradients",),),
        criterion="A loss that is a plain mean, in 8 or more of the first 24 updates made by several backward(), a "
        "loss each: all losses of an update go in with the same factor, though they are means of different numbers of "
        "targets, so that (in the median of the updates) more than 5 % of the weight lies elsewhere than in the mean "
        "over all targets that count. A sum in place of a mean is no finding: many trainings are meant so.",
        why="The gradient then depends on how sequences were split: tokens of short ones count more, and the loss is "
        "not that of one large batch.",
        fixes={
            "torch": "(loss * count / total).backward()  # or reduction='sum', and divide by all targets of the update",
            "": "divide the sum by the number of all targets that count in the update",
        },
        references=("https://github.com/huggingface/transformers/issues/34191",),
    ),
    Rule(
        code="OUT19",
        title="The weights of classes or rows do not fit",
        tier=2,
        severity="warning",
        when=("static", "first batch"),
        needs=(("loss",), ("loss", "prediction")),
        criterion="The weights' length is not the number of classes, or one is negative or not finite (error); one "
        "is 0 for a class that occurs, or the largest is more than 1000 times the smallest, or positives weigh so many "
        "times as much as negatives, or the weights are in proportion to how often the classes come on 200 or more "
        "labels (of positives: to their odds; the logarithms to a quarter, and one is twice as rare as the other or "
        "more), not in inverse proportion (warning). Or all weights of 32 or more rows of a batch are 0 (error). Or, "
        "in 128 or more rows, the rows of each class have one weight, no class weighs less than one that is half as "
        "frequent or less, and the most frequent one is 3 or more times as frequent as the rarest one (of 5 or more "
        "rows), and weighs 3 or more times as much (warning).",
        why="Some classes hardly count or count the wrong way round, and single rows decide the step.",
        explains=("OPT04", "OPT11"),
        fixes={"": "weights n / (K · n_c), or their square roots: lossmith choose --target FILE:COLUMN prints them"},
        references=("https://github.com/microsoft/CodeBERT/issues/64",),
    ),
)
