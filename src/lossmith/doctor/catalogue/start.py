"""INIT and NUM: the first loss, and numbers that are none."""

from __future__ import annotations

from ..rule import Rule, register

SO = "https://stackoverflow.com/q/"

register(
    Rule(
        code="INIT01",
        title="The first loss is far above that of guessing",
        tier=1,
        severity="warning",
        when=("start", "first batch"),
        needs=(("loss", "prediction", "target"),),
        criterion="A cross-entropy above 3 ln C and ln C + 3 (a binary one: C = 2), on 16 or more rows. Unless "
        "the model is said to be untrained, its answers must be no better than always the most frequent class. A note "
        "where part of the weights is frozen: their features have the scale that they have, and what is trained on "
        "them has no start of its own to spoil. Not applied to trainings that go on, to finished predictions, and "
        "where row i of C rows is of class i: rows against each other.",
        why="A model that knows nothing should be unsure, at ln C; this one is sure and wrong, and spends its first "
        "steps unlearning that.",
        fixes={"": "scale the inputs; a smaller start for the last layer, and its bias at the log of the class shares"},
        references=("https://karpathy.github.io/2019/04/25/recipe/",),
    ),
    Rule(
        code="INIT02",
        title="The start is symmetric or degenerate",
        tier=2,
        severity="warning",
        when=("start",),
        needs=(("gradients",),),
        criterion="In every weight matrix before the last one all units start with the same weights (zeros, ones). One "
        "such matrix among others is no fault: residual branches and adapters start at 0.",
        why="Units that start equal get equal gradients and stay equal: the layer is as good as one unit.",
        fixes={"": "the default (He or Glorot) initialisation"},
        references=(SO + "36127436",),
    ),
    Rule(
        code="INIT03",
        title="The output bias is far from the share of positives",
        tier=2,
        severity="note",
        when=("start",),
        needs=(("loss", "prediction", "target"),),
        criterion="At the start, with less than 10 % positives, the log-odds of the mean prediction miss those of "
        "the share by more than 2.",
        why="The first steps go into learning one number that is known.",
        fixes={
            "": "bias = log(p / (1 - p)) for a share p of positives",
            "torch": "nn.init.constant_(model[-1].bias, math.log(p / (1 - p)))",
            "keras": "Dense(1, bias_initializer=keras.initializers.Constant(math.log(p / (1 - p))))",
        },
        references=("https://karpathy.github.io/2019/04/25/recipe/",),
    ),
    Rule(
        code="INIT04",
        title="One batch cannot be learned by heart",
        tier=2,
        severity="error",
        when=("start",),
        needs=(("model", "inputs", "target", "loss"),),
        criterion="A copy of the model, 16 rows, at most 300 steps: the loss stays above a tenth of the first one "
        "and .05.",
        why="Model, loss and data are not wired up: more data or time will not help.",
        fixes={"": "check what the loss gets, and that gradients reach all parameters"},
        references=("https://karpathy.github.io/2019/04/25/recipe/",),
    ),
    Rule(
        code="INIT05",
        title="The output does not depend on the input",
        tier=2,
        severity="error",
        when=("start", "training"),
        needs=(("model", "inputs", "target", "loss"),),
        criterion="The loss on permuted inputs is not larger (paired test, p > .05) after the training should show.",
        why="The path from input to output is cut: detached, frozen or overwritten.",
        fixes={"": "look for detach(), no_grad(), .data or a variable that is not used"},
    ),
    Rule(
        code="NUM01",
        title="NaN or infinity",
        tier=1,
        severity="error",
        when=("first batch", "training"),
        needs=(("prediction",), ("history",)),
        criterion="A prediction is NaN, or infinite where the loss cannot use it (minus infinity among scores is a "
        "mask); or the loss of an epoch is not finite.",
        why="From here on every weight is NaN, and nothing is learned any more.",
        fixes={
            "": "find the first one: inputs, then the loss on logits instead of probabilities, then a lower "
            "learning rate",
            "torch": "torch.autograd.set_detect_anomaly(True) for one epoch; clip_grad_norm_(…, 1.0)",
            "keras": "keras.callbacks.TerminateOnNaN(); optimizer=Adam(1e-4, clipnorm=1.0)",
        },
        explains=("OPT02", "OPT03", "OPT04", "PRED01", "PRED02"),
        references=(SO + "40192728", SO + "42327543"),
    ),
    Rule(
        code="NUM02",
        title="A formula that loses its digits",
        tier=2,
        severity="warning",
        when=("static", "first batch"),
        needs=(("loss",),),
        criterion="log(softmax(x)) or log(sigmoid(x)) written out; an epsilon that is 0 in the dtype (1e-8 in "
        "float16); exp of logits beyond 88 in float32.",
        why="The result is minus infinity or NaN where the fused form is exact.",
        fixes={
            "torch": "F.log_softmax(x, dim=1), F.logsigmoid(x), F.cross_entropy(x, y)",
            "": "log_softmax, log_sigmoid, or the loss on logits",
        },
        references=(SO + "42064941",),
    ),
)
