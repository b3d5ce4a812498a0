"""DATA: scale, balance and the split of the data."""

from __future__ import annotations

from ..rule import Rule, register

SO = "https://stackoverflow.com/q/"

register(
    Rule(
        code="DATA01",
        title="The inputs are not scaled",
        tier=1,
        severity="warning",
        when=("first batch",),
        needs=(("loss", "prediction", "target", "inputs"),),
        criterion="A feature has a standard deviation outside [1e-3, 30], or all inputs lie in 0 … 255 and reach "
        "beyond 30; and no first layer of the model normalises; and the loss is more than 5 times that of the best "
        "constant (a cross-entropy: 3 times, and 3 more). Or, at the start, half of the features have a standard "
        "deviation above 30 and go into a linear layer with a tanh or sigmoid behind it, which hides it from the "
        "loss.",
        why="The first layer's outputs are as large as its inputs: activations saturate, the first loss is huge, "
        "and the learning rate fits nothing.",
        fixes={
            "": "standardise: x = (x - mean_train) / std_train; images: x = x / 255",
            "keras": "keras.layers.Normalization() or keras.layers.Rescaling(1 / 255) as the first layer",
        },
        explains=("INIT01",),
        references=(SO + "69901379", SO + "57397440"),
    ),
    Rule(
        code="DATA02",
        title="The targets are far from the scale of the outputs",
        tier=1,
        severity="warning",
        when=("start", "first batch"),
        needs=(("loss", "prediction", "target"),),
        criterion="A regression loss on 16 or more rows, the squared error is more than twice the variance of the "
        "targets, and the targets' spread is more than 30 times the predictions', or their mean more than 30 times "
        "as far from 0 as both spreads; or the targets' root mean square is below 1e-3 and below a thousandth of the "
        "predictions' spread.",
        why="Weights must first grow to the size of the targets; at the usual learning rates that takes most of the "
        "training.",
        fixes={
            "": "train on (y - mean) / std, and undo it when predicting; or start the last bias at mean(y)",
        },
        explains=("OPT02", "PRED02"),
        references=(SO + "45154470", SO + "69901379"),
    ),
    Rule(
        code="DATA03",
        title="Training and validation inputs were prepared differently",
        tier=2,
        severity="error",
        when=("data",),
        needs=(("inputs", "validation"),),
        criterion="Of 30 or more rows each: the median over the features of the ratio of their standard deviations "
        "lies outside [0.1, 10] (error); or outside [0.5, 2] for 4 or more features, 9 in 10 of which differ by half "
        "or more in the same sense, or half of the features' means differ by more than one standard deviation of "
        "the training inputs (warnings).",
        why="The model is judged on inputs that it was never shown.",
        fixes={"": "fit the scaler on the training set once; transform both sets with it"},
        references=(SO + "59325381",),
    ),
    Rule(
        code="DATA04",
        title="The classes are out of balance",
        tier=1,
        severity="warning",
        when=("data", "predictions"),
        needs=(("loss", "target"), ("loss", "prediction", "target")),
        criterion="200 or more labels, and the rarer of two classes has less than 5 %, or the entropy of several is "
        "below half of ln K: a note. A warning for finished predictions that have learned something and fail the "
        "rare class (its recall's 95 % interval, from 10 or more rows, ends below half of the accuracy), and for two "
        "classes in Keras whose only metric is the accuracy, where no rows are weighed.",
        why="Accuracy then says little: always answering the frequent class nearly reaches it.",
        fixes={
            "torch": "pos_weight= or weight= of the loss, or another threshold; judge by recall and precision",
            "keras": "class_weight= in fit(), or another threshold; judge by recall and precision",
            "": "weigh the classes or move the threshold; judge by recall and precision",
        },
        explains=("PRED03",),
        references=(SO + "53358838", SO + "44285537"),
    ),
    Rule(
        code="DATA05",
        title="The classes' shares differ between training and validation",
        tier=1,
        severity="warning",
        when=("data",),
        needs=(("loss", "target", "validation"),),
        criterion="Labels of a classification, 30 or more in each set and 2 to 100 classes: the chi-square test of the "
        "counts (of classes of which 5 or more are expected in each) has p < .001, and the shares differ by more than "
        ".1 in total variation.",
        why="A split that was not shuffled or not stratified: the validation loss measures another problem.",
        fixes={"": "train_test_split(X, y, stratify=y, shuffle=True)"},
        explains=("DATA03",),
    ),
    Rule(
        code="DATA06",
        title="Rows occur in training and validation",
        tier=1,
        severity="error",
        when=("data",),
        needs=(("inputs", "validation"),),
        criterion="Of 30 or more rows each: validation rows that equal a training row in all inputs, to 6 digits of "
        "the features' spread. Unless a feature has hardly any value twice, rows may be equal by chance: then they "
        "must be more than the equal pairs within the training set let expect (p < .001). Surely more than 1 % "
        "beyond those (by the 95 % interval of their share) is an error, fewer a note. Rows that repeat within the "
        "training set do not count, and nothing does where a tenth of its rows repeat (few different inputs); unless "
        "20 or more rows were copied: 7 in 10 of the different rows come once, and a feature has hardly any value in "
        "two of them.",
        why="The model has seen the answers: the validation score is too good.",
        fixes={"": "drop duplicates before splitting: np.unique(X, axis=0); split by group where rows belong together"},
    ),
    Rule(
        code="DATA07",
        title="Some of the labels are wrong",
        tier=2,
        severity="warning",
        when=("predictions",),
        needs=(("loss", "prediction", "target"),),
        criterion="Finished predictions of four or more classes on 200 or more rows, right more often than always the "
        "most frequent class (by 3 standard errors). Of the half that the model is surest of, 20 or more rows have "
        "another label, surely more than 3 % (p < .001), which is at least half the share of all rows; and that "
        "label's place among the classes that the model did not answer is like drawn: .35 of the way down or more on "
        "average, and surely (p < .001) more than .2, where confusions of similar classes stand near the top. Outcomes "
        "with as much pure chance in them look the same.",
        why="Wrong labels put a floor under the loss, punish the right answers, and are learned by heart by a model "
        "that is large enough; scores on them understate the model.",
        fixes={
            "": "read the listed rows, and mend or drop them; until then label smoothing or generalized_cross_entropy, "
            "and early stopping"
        },
        explains=("GEN07",),
        references=("https://arxiv.org/abs/1911.00068",),
    ),
    Rule(
        code="DATA08",
        title="The labels do not depend on the inputs",
        tier=2,
        severity="warning",
        when=("predictions",),
        needs=(("loss", "prediction", "target", "inputs"),),
        criterion="The predictions are no better than a constant (OPT02) on 500 or more rows, with inputs that are "
        "numbers; and on 1000 of them at most, neither the vote of the 5 nearest other rows nor the strongest "
        "correlation of a single input with the label is above what 19 in 20 of 199 shuffles of the labels give.",
        why="Rows and labels have come apart (a shuffle, a sort or a join of one without the other), or the inputs do "
        "not tell the answer: no model or learning rate will help.",
        fixes={"": "shuffle, sort and join X and y together: i = rng.permutation(len(X)); X, y = X[i], y[i]"},
        explains=("OPT02", "GEN02", "PRED02"),
        references=(SO + "40467990", SO + "46136553"),
    ),
    Rule(
        code="DATA10",
        title="Equal inputs have different labels",
        tier=2,
        severity="note",
        when=("data",),
        needs=(("loss", "inputs", "target"),),
        criterion="1 % or more of 100 or more rows equal another row in all inputs and differ from it in the label.",
        why="No model can tell them apart: the loss has a floor above 0.",
        fixes={"": "find out which label is right, or what input is missing"},
    ),
)
