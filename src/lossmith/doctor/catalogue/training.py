"""OPT and ACT: the course of the training, and the layers while it runs."""

from __future__ import annotations

from ..rule import Rule, register

SO = "https://stackoverflow.com/q/"

register(
    Rule(
        code="OPT02",
        title="No better than a constant",
        tier=1,
        severity="warning",
        when=("training", "predictions"),
        needs=(("loss", "prediction", "target"), ("loss", "target", "history")),
        criterion="After training (or three epochs), on 50 or more rows, the loss is not below that of the best "
        "constant prediction by two standard errors, the skill 1 - L / L_const is below 5 %, and so is its upper limit "
        "(two standard errors), which is below 3 % where the skill is positive. Not judged where the loss weighs rows "
        "or classes.",
        why="Nothing has been learned that the mean (or the classes' shares) does not say.",
        fixes={"": "look at the other findings first; then the learning rate, the labels' order, the last activation"},
        explains=("PRED02", "GEN02", "GEN05"),
        references=(SO + "47822099", SO + "38447935"),
    ),
    Rule(
        code="OPT03",
        title="The training diverges",
        tier=1,
        severity="error",
        when=("training",),
        needs=(("history",), ("gradients",)),
        criterion="The median training loss of the last three epochs is more than 3 times the best one before, and "
        "above it by more than 5 times the noise between epochs (for a loss that is not known: and more than twice the "
        "first one); or it is a million times the first, or the median of the last 20 steps is a million times the "
        "very first step's.",
        why="The steps are longer than the valley: every one makes the loss worse.",
        fixes={
            "": "a tenth of the learning rate, and clipped gradients",
            "torch": "optimizer = Adam(…, lr=lr / 10); nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
            "keras": "keras.optimizers.Adam(lr / 10, clipnorm=1.0)",
        },
        explains=("OPT07", "GEN01", "GEN04", "OPT02", "PRED01"),
        references=(SO + "42264716",),
    ),
    Rule(
        code="OPT04",
        title="The loss does not move",
        tier=1,
        severity="error",
        when=("training",),
        needs=(("history",),),
        criterion="The training loss is the same to the last bit in the first three epochs or more, is not 0, and "
        "is given with 6 or more digits (fewer digits: 5 epochs, and a warning).",
        why="No parameter that matters changes: a constant output, no gradient, or parameters that the optimiser "
        "does not have.",
        fixes={"": "check that the output varies, that gradients are not 0, and that the optimiser has the parameters"},
        explains=("OPT02", "OPT06", "GEN02", "MET02"),
        references=(SO + "49931055", SO + "68938619"),
    ),
    Rule(
        code="OPT05",
        title="The learning rate is high",
        tier=2,
        severity="warning",
        when=("training",),
        needs=(("gradients",),),
        criterion="After 100 steps, the median of ||step|| / ||weights|| of the matrices over the last 20 looks is "
        "above .1, and fewer than 15 of the last 20 losses are below the median of the first 20.",
        why="Every step replaces a tenth of the weights: the loss jumps instead of falling.",
        fixes={"": "divide the learning rate by the ratio / 1e-3"},
    ),
    Rule(
        code="OPT06",
        title="The learning rate is low",
        tier=2,
        severity="warning",
        when=("training",),
        needs=(("history",), ("gradients",)),
        criterion="Over 10 or more epochs the training loss (above 0) falls in 9 of 10, by less than 15 % in all, and "
        "in the second half at half the pace of the first one or more, which the noise between epochs does not "
        "explain: a note. Or after 100 or more steps no weight matrix has moved by 2 % of its norm, and at the end the "
        "predictions are no better than a constant by three standard errors: a warning. Or, of 100 or more steps, the "
        "second half or more were made at less than 1e-4 of the greatest rate of the schedule: a note; a warning where "
        "it is four fifths.",
        why="The training ends before it has learned what it could.",
        explains=("OPT02", "PRED02", "GEN02"),
        fixes={"": "ten times the learning rate"},
        references=(SO + "50306988",),
    ),
    Rule(
        code="OPT07",
        title="The loss goes up and down",
        tier=2,
        severity="note",
        when=("training",),
        needs=(("history",),),
        criterion="Over 20 or more epochs the detrended training loss has an autocorrelation at lag 1 below -.5 (p "
        "< .001) and swings by more than 20 %.",
        why="The steps leap from one side of the valley to the other.",
        fixes={"": "half the learning rate, or a larger batch"},
    ),
    Rule(
        code="OPT08",
        title="Gradients explode",
        tier=1,
        severity="warning",
        when=("training",),
        needs=(("gradients",),),
        criterion="At three looks or more after the first 20, the gradient's norm is more than 100 times its median, "
        "its logarithm more than 6 robust standard deviations above that of the median, and the norm more than 10 "
        "times that of the first steps.",
        why="One such step undoes what many have learned.",
        fixes={
            "": "clip the gradient at the 90th percentile of its norm",
            "torch": "nn.utils.clip_grad_norm_(model.parameters(), max_norm)",
            "keras": "optimizer=Adam(…, clipnorm=max_norm)",
        },
    ),
    Rule(
        code="OPT09",
        title="The step goes uphill",
        tier=1,
        severity="error",
        when=("first batch", "training"),
        needs=(("gradients",), ("loss", "prediction", "target")),
        criterion="In 20 or more backward passes, and in no other one, the gradient that reaches the (known) loss is "
        "negative, or it is positive and the optimiser maximises; and 19 of the last 20 losses are above the median of "
        "the first 20. Or a function of the user's own gives, on a batch of 8 or more targets that are not all the "
        "same, minus the value of a known loss to four digits, or, on this batch and on half of it, the "
        "Dice or Jaccard coefficient itself.",
        why="The sign is wrong: the loss is being maximised.",
        fixes={"": "minimise the loss: no minus before backward(), and loss, not -loss, in the objective"},
        explains=("NUM01", "OPT02", "OPT03", "OPT05", "OPT08", "GEN01", "GEN07", "PRED01"),
    ),
    Rule(
        code="OPT10",
        title="Gradients are not reset",
        tier=1,
        severity="error",
        when=("static", "training"),
        needs=(("gradients",),),
        criterion="In 5 steps in a row, each backward() since the step before finds gradients that are not 0 (so that "
        "the accumulation of several passes into one step is left out).",
        why="Every step adds all gradients of the past.",
        fixes={"torch": "optimizer.zero_grad()", "": "reset the gradients in every step"},
        explains=("NUM01", "OPT02", "OPT03", "OPT05", "OPT07", "OPT08", "GEN01", "GEN07", "PRED01", "PRED03", "ACT02"),
        references=(SO + "60335387",),
    ),
    Rule(
        code="OPT11",
        title="Parameters are not updated",
        tier=1,
        severity="error",
        when=("training",),
        needs=(("gradients",),),
        criterion="After 20 steps, parameters that should learn are bit for bit as they started: all of them (error, "
        "unless the loss is 0; after the first step where the optimiser has none of them); the last matrix, which the "
        "optimiser does not have (warning); those of layers in plain lists of the model, which have a gradient "
        "(PyTorch, warning); others that it does not have, or that never got a gradient (note). Or none of them is to "
        "learn (error, at the first loss). Or after 100 steps no update of the second half or more has changed a "
        "matrix, though gradients are above 1 % of the first ones (warning).",
        why="This part of the model stays as it started.",
        explains=("OPT02", "OPT04", "OPT06", "GEN02"),
        fixes={"torch": "optimizer = Adam(model.parameters())  # after the model is complete", "": "add it"},
    ),
    Rule(
        code="OPT12",
        title="The penalty outweighs the data",
        tier=2,
        severity="warning",
        when=("training",),
        needs=(("loss", "prediction", "target", "gradients"), ("loss", "prediction", "target", "history")),
        criterion="A training that has learned nothing (OPT02), and: weight decay that passes through the gradient "
        "(SGD, Adam; not AdamW) added more than half of the data's gradient in the median of the first 20 looks, and "
        "the weights' norms are below half of the first ones; or penalties in the loss (Keras) were more than half of "
        "it in one of the first three epochs, and have halved since.",
        why="The weights shrink instead of learning.",
        fixes={
            "torch": "weight_decay ten times smaller; with Adam, use AdamW, whose decay does not pass the gradient",
            "keras": "kernel_regularizer=keras.regularizers.L2(λ / 10)",
            "": "a tenth of the weight decay",
        },
        explains=("OPT02", "OPT05", "PRED01", "PRED02", "GEN02", "ACT02"),
    ),
    Rule(
        code="OPT13",
        title="Nearly every gradient is clipped",
        tier=2,
        severity="note",
        when=("training",),
        needs=(("gradients",),),
        criterion="After 200 steps, more than half of the gradients looked at have the same norm, to a thousandth, and "
        "it is the largest.",
        why="The clipping then is the learning rate.",
        fixes={"": "a higher limit, or a lower learning rate"},
    ),
    Rule(
        code="OPT14",
        title="Training mode at evaluation, or the reverse",
        tier=2,
        severity="warning",
        when=("first batch", "training"),
        needs=(("gradients",),),
        criterion="A model with dropout or batch normalisation: 20 or more updates in evaluation mode, after it was in "
        "training mode; or 3 or more losses without gradient in training mode.",
        why="Dropout and batch normalisation behave differently in the two modes.",
        fixes={"torch": "model.eval() before evaluating, model.train() after", "": "training=False at evaluation"},
        references=(SO + "45497342", SO + "48320854"),
    ),
    Rule(
        code="ACT01",
        title="Gradients vanish on their way down",
        tier=1,
        severity="warning",
        when=("training",),
        needs=(("gradients",),),
        criterion="Of three or more matrices, the first one's gradient is below 1e-4 of the last one's, and its "
        "updates below 1e-6 of its weights, in the median of each third of the looks at 60 or more steps.",
        why="The first layers stay as they started.",
        fixes={"": "ReLU, normalisation or residual connections instead of stacked sigmoids"},
        references=(SO + "57407973",),
    ),
    Rule(
        code="ACT02",
        title="Dead units",
        tier=1,
        severity="warning",
        when=("training",),
        needs=(("gradients",),),
        criterion="More than half of a ReLU layer's units are 0 on each of 2000 or more rows, seen from the 128th step "
        "on: a warning where the loss does not fall (15 of the last 20 below the median of the first 20) or 95 % "
        "of the units are, else a note.",
        why="A unit that is never on gets no gradient and stays off.",
        fixes={"": "a lower learning rate, LeakyReLU, or a positive bias"},
    ),
    Rule(
        code="ACT03",
        title="Saturated units",
        tier=2,
        severity="warning",
        when=("training",),
        needs=(("gradients",),),
        criterion="More than half of the units of a hidden sigmoid or tanh layer have a slope below .01 on more than "
        "95 % of 2000 or more rows, seen from the 128th step on: a warning where the loss does not fall, else a note.",
        why="Where the activation is flat no gradient passes.",
        fixes={"": "scale the inputs, or start with smaller weights"},
    ),
)
