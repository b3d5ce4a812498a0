"""PRED, MET and GEN: what the predictions, the metrics and the curves say."""

from __future__ import annotations

from ..rule import Rule, register

SO = "https://stackoverflow.com/q/"

register(
    Rule(
        code="PRED01",
        title="The model gives every row the same answer",
        tier=1,
        severity="error",
        when=("first batch", "predictions"),
        needs=(("prediction", "target"),),
        criterion="32 or more predictions, targets that vary, and no column of the prediction varies by more than "
        "1e-6 of its size. An error for finished predictions; a warning otherwise; a note where all are 0, or at "
        "the start, as a last layer may well start at 0.",
        why="The output does not depend on the input.",
        fixes={"": "look at the other findings; then dead units, a cut path, inputs that are all equal"},
        explains=("PRED02", "PRED03", "OPT02", "DATA02", "GEN07", "GEN12"),
        references=(SO + "38447935",),
    ),
    Rule(
        code="PRED02",
        title="The predictions have collapsed to the mean",
        tier=1,
        severity="warning",
        when=("predictions",),
        needs=(("loss", "prediction", "target"),),
        criterion="Finished predictions of a regression, 50 or more rows, spread less than 5 % of the targets', and no "
        "better than a constant.",
        why="The model answers the mean: nothing of the inputs gets through.",
        fixes={"": "check that rows of X and y belong together, then the learning rate and the scale of X"},
        explains=("GEN12",),
        references=(SO + "38447935",),
    ),
    Rule(
        code="PRED03",
        title="A class is never predicted",
        tier=1,
        severity="warning",
        when=("predictions",),
        needs=(("loss", "prediction", "target"),),
        criterion="The model has learned something, 30 or more rows are of the class, and it is never the answer "
        "although that would happen by chance with p < 1e-6. A note where the predictions are not said to be finished, "
        "or where the class gets half of its share of the probability or more: it is seen, but never the likeliest.",
        why="For this class the model is worth nothing, and averages hide it.",
        fixes={
            "torch": "weight= of the loss (n / (K · n_c)), or another threshold",
            "keras": "class_weight= in fit(), or another threshold",
            "": "weigh the classes, or move the threshold",
        },
        references=(SO + "53358838",),
    ),
    Rule(
        code="MET01",
        title="The metric does not fit the loss",
        tier=1,
        severity="warning",
        when=("static",),
        needs=(("model",),),
        criterion="A Keras model is compiled with a binary loss on logits and an accuracy that cuts at 0.5; with "
        "Accuracy(), which compares floats for equality; or with a regression loss and an accuracy; or a categorical "
        "loss beside the accuracy of the other kind of labels, or beside a binary one; or a binary loss beside the "
        'categorical accuracy (which Keras takes "accuracy" for where target and prediction have several columns), '
        "while more than a tenth of 8 or more rows have no label or several.",
        why="The number that is reported is not the one that is meant.",
        fixes={
            "keras": "metrics=[keras.metrics.BinaryAccuracy(threshold=0)]  # for logits",
            "": "cut logits at 0, probabilities at 0.5; for numbers report the absolute error",
        },
        references=(SO + "62566558", SO + "64395424"),
    ),
    Rule(
        code="MET02",
        title="The loss improves and the metric does not",
        tier=2,
        severity="warning",
        when=("training",),
        needs=(("history",),),
        criterion="Over 5 or more epochs at the end the training loss falls by 10 % or more and the accuracy of the "
        "same rows is the same to the last bit and below .9 (from .9 on: a note, for the classes may be out of "
        "balance).",
        why="The loss and the metric do not look at the same thing, or the metric's threshold is wrong.",
        fixes={"": "check the last activation, the threshold, and which accuracy is meant"},
        references=(SO + "57397440",),
    ),
    Rule(
        code="GEN01",
        title="Overfitting",
        tier=1,
        severity="warning",
        when=("training", "predictions"),
        needs=(("history",), ("validation",)),
        criterion="Curves: the mean validation loss of the last three epochs is above the best such mean by more "
        "than 5 %, a tenth of its fall until then (from the first epoch's loss, of training or validation, or the best "
        "constant's), and 4 standard errors of the noise between epochs, while the training loss has fallen. Losses "
        "per row: validation above training by Welch's test with p < .001, by more than 20 % of the training loss (and "
        "5 % of the best constant's, if known). Two numbers: see the verdict.",
        why="What is still being learned is noise of the training rows; on new rows it makes the model worse.",
        fixes={
            "": "stop at the best epoch; then more data, augmentation, weight decay or a smaller model",
            "keras": 'keras.callbacks.EarlyStopping("val_loss", patience=3, restore_best_weights=True)',
            "torch": "keep the state_dict() of the lowest validation loss, and load it at the end",
        },
        explains=("GEN04", "GEN08"),
    ),
    Rule(
        code="GEN02",
        title="Underfitting",
        tier=2,
        severity="note",
        when=("training", "predictions"),
        needs=(("validation",),),
        criterion="In the verdict on two losses: validation is above training by less than 10 %, and its skill "
        "1 - L / L_const is below 20 %.",
        why="The model does not even learn the training rows: more data will not help, a better model may.",
        fixes={"": "more capacity, longer training, a higher learning rate, better features"},
    ),
    Rule(
        code="GEN03",
        title="The validation loss is below the training loss",
        tier=2,
        severity="note",
        when=("training",),
        needs=(("history",), ("validation",)),
        criterion="In the last 5 epochs (or the two numbers) validation is below training by more than 10 %, and "
        "always.",
        why="Mostly harmless: dropout and augmentation act in training alone, and the training loss is averaged "
        "over an epoch in which the model gets better. It may be a sign of rows that are in both sets.",
        fixes={"": "compute the training loss in evaluation mode; look for duplicates between the sets"},
        references=(SO + "48845354",),
    ),
    Rule(
        code="GEN04",
        title="The best epoch has passed",
        tier=1,
        severity="note",
        when=("training",),
        needs=(("history",),),
        criterion="As GEN01, but by 5 % or less, or by no tenth of its fall.",
        why="The last weights are not the best ones.",
        fixes={
            "": "keep the weights of the best epoch",
            "keras": 'keras.callbacks.EarlyStopping("val_loss", patience=3, restore_best_weights=True)',
        },
    ),
    Rule(
        code="GEN05",
        title="The evaluation set is too small",
        tier=1,
        severity="note",
        when=("predictions",),
        needs=(("loss", "prediction", "target"),),
        criterion="Finished predictions of classes, and the accuracy's 95 % interval is wider than 5 points to "
        "either side.",
        why="Differences of that size between models are chance.",
        fixes={"": "more rows, or cross-validation"},
    ),
    Rule(
        code="GEN07",
        title="The probabilities are not calibrated",
        tier=1,
        severity="warning",
        when=("predictions",),
        needs=(("loss", "prediction", "target"),),
        criterion="Finished predictions of classes, 200 or more rows: Spiegelhalter's test with p < .001, and a "
        "calibration error, less what chance makes of it, above .02. A note where the model is too timid rather than "
        "too sure, where a temperature saves less than 2 % of the cross-entropy, and where the loss bends "
        "probabilities on purpose: label smoothing, weights by class or row, focal losses.",
        why="A confidence of 90 % does not come true in 90 % of the rows: thresholds and costs based on it are wrong.",
        fixes={"": "divide the logits by a temperature that is fitted on validation rows"},
        references=("https://proceedings.mlr.press/v70/guo17a.html",),
    ),
    Rule(
        code="GEN08",
        title="The validation loss rises while its accuracy holds",
        tier=2,
        severity="note",
        when=("training",),
        needs=(("history",),),
        criterion="As GEN01, and the mean validation accuracy of the last three epochs is at least that at the best "
        "epoch less half a point.",
        why="The model does not decide worse, it only becomes too sure: its probabilities are no longer honest.",
        fixes={"": "stop early by the loss, label smoothing, or a temperature afterwards"},
    ),
    Rule(
        code="GEN09",
        title="Another threshold scores better",
        tier=1,
        severity="note",
        when=("predictions",),
        needs=(("loss", "prediction", "target"),),
        criterion="Finished binary predictions, 200 or more rows, 20 or more of each class: the threshold that is "
        "best for F1 on one half gains on the other, both ways, by .02 or more and two standard errors (bootstrap).",
        why="0.5 is right for equal costs and calibrated probabilities alone.",
        fixes={"": "choose the threshold on validation rows, for the cost of each mistake"},
    ),
    Rule(
        code="GEN11",
        title="A few rows make most of the loss",
        tier=1,
        severity="note",
        when=("predictions",),
        needs=(("loss", "prediction", "target"),),
        criterion="Squared error of a model that has learned something, 200 or more rows: the worst 1 % of the rows "
        "hold more than half of the loss.",
        why="The training follows these rows, and the mean says little about the others.",
        fixes={"": "look at them; Huber or a logarithm of the target if they are real"},
    ),
    Rule(
        code="GEN12",
        title="The predictions are off on average",
        tier=1,
        severity="note",
        when=("predictions",),
        needs=(("loss", "prediction", "target"),),
        criterion="Finished predictions of a regression on the squared error, 50 or more rows: the mean error is "
        "more than a tenth of the targets' standard deviation, with p < .001.",
        why="A constant added to all predictions would help.",
        fixes={"": "check that the last layer has a bias and that the scaling is undone as it was done"},
    ),
)
