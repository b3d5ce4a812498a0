"""The names of ``optax.losses`` that are not here: when a definition appears, write its function and drop its line."""

MISSING = {
    "ctc_loss_with_forward_probs": "a CTC loss that hands out its forward probabilities",
    "multiclass_perceptron_loss": "a multiclass perceptron loss",
    "multiclass_sparsemax_loss": "a sparsemax loss",
    "sparsemax_loss": "a binary sparsemax loss",
}
NOT_LOSSES = {
    "make_fenchel_young_loss": "makes a loss from a function; take optax's own",
}
