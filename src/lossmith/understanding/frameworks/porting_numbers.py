"""How to port losses of numbers, counts, vectors and rankings, and means with weights."""

from __future__ import annotations

from .tables import Port

_XY = {"x": [[2.0], [3.5]], "y": [[1.0], [5.0]]}
_VECTORS = {"x": [[3.0, 4.0], [1.0, 0.0]], "y": [[4.0, 3.0], [1.0, 1.0]]}

NUMBERS = (
    Port(
        title="Squared error",
        inputs=_XY,
        value=1.625,
        keras="keras.losses.MeanSquaredError()(y, x)",
        torch="nn.MSELoss()(x, y)",
        optax="optax.losses.squared_error(x, y).mean()",
        lossmith="lm.squared_error(x, y)",
    ),
    Port(
        title="Half the squared error",
        inputs=_XY,
        value=0.8125,
        keras="keras.losses.MeanSquaredError()(y, x) / 2",
        torch="nn.MSELoss()(x, y) / 2",
        optax="optax.losses.l2_loss(x, y).mean()",
        lossmith="lm.squared_error(x, y) / 2",
        note="Only optax's l2_loss has the factor: a learning rate that was tuned with it has to be halved with the "
        "others.",
    ),
    Port(
        title="Absolute error",
        inputs=_XY,
        value=1.25,
        keras="keras.losses.MeanAbsoluteError()(y, x)",
        torch="nn.L1Loss()(x, y)",
        optax="jnp.abs(x - y).mean()",
        lossmith="lm.absolute_error(x, y)",
    ),
    Port(
        title="Huber",
        inputs=_XY,
        value=0.5,
        keras="keras.losses.Huber(delta=0.5)(y, x)",
        torch="nn.HuberLoss(delta=0.5)(x, y)",
        optax="optax.losses.huber_loss(x, y, delta=0.5).mean()",
        lossmith="lm.huber(x, y, delta=0.5)",
    ),
    Port(
        title="Smooth L1",
        inputs=_XY,
        value=1.0,
        keras="keras.losses.Huber(delta=0.5)(y, x) / 0.5",
        torch="nn.SmoothL1Loss(beta=0.5)(x, y)",
        optax="optax.losses.huber_loss(x, y, delta=0.5).mean() / 0.5",
        lossmith="lm.huber(x, y, delta=0.5) / 0.5",
        note="Huber divided by its parameter; PyTorch's beta is everybody's delta.",
    ),
    Port(
        title="Log-cosh",
        inputs=_XY,
        value=0.644610,
        keras="keras.losses.LogCosh()(y, x)",
        torch="(x - y).cosh().log().mean()",
        optax="optax.losses.log_cosh(x, y).mean()",
        lossmith="lm.log_cosh(x, y)",
        note="PyTorch has none; the form given overflows for errors beyond 89.",
    ),
    Port(
        title="Absolute percentage error",
        inputs=_XY,
        value=65.0,
        keras="keras.losses.MeanAbsolutePercentageError()(y, x)",
        torch="100 * ((x - y) / y).abs().mean()",
        optax="100 * jnp.abs((x - y) / y).mean()",
        lossmith="lm.absolute_percentage_error(x, y)",
        note="Keras divides by at least 1e-7: epsilon=1e-7 in lossmith.",
    ),
    Port(
        title="Squared logarithmic error",
        inputs=_XY,
        value=0.1235815,
        keras="keras.losses.MeanSquaredLogarithmicError()(y, x)",
        torch="nn.MSELoss()(x.log1p(), y.log1p())",
        optax="optax.losses.squared_error(jnp.log1p(x), jnp.log1p(y)).mean()",
        lossmith="lm.squared_logarithmic_error(x, y)",
        note="Keras raises negative numbers to 1e-7 first.",
    ),
    Port(
        title="Root of the mean squared error",
        inputs=_XY,
        value=1.274755,
        keras="keras.ops.sqrt(keras.losses.MeanSquaredError()(y, x))",
        torch="nn.MSELoss()(x, y).sqrt()",
        optax="jnp.sqrt(optax.losses.squared_error(x, y).mean())",
        lossmith="lm.root_mean_squared_error(x[:, 0], y[:, 0])",
        note="One number for the batch: the mean over parts is another one. Only lossmith's has a gradient at 0.",
    ),
    Port(
        title="Poisson on the rate",
        inputs=_XY,
        value=-0.728481,
        keras="keras.losses.Poisson()(y, x)",
        torch="nn.PoissonNLLLoss(log_input=False)(x, y)",
        optax="(x - y * jnp.log(x)).mean()",
        lossmith="lm.poisson(x, y)",
        note="Added to the rate inside the logarithm: Keras 1e-7, PyTorch 1e-8, lossmith nothing unless epsilon= says "
        "so.",
    ),
    Port(
        title="Poisson on the log-rate",
        inputs=_XY,
        value=10.50225,
        keras="keras.losses.Poisson()(y, keras.ops.exp(x))",
        torch="nn.PoissonNLLLoss()(x, y)",
        optax="(jnp.exp(x) - y * x).mean()",
        lossmith="lm.poisson_log_rate(x, y)",
        note="PyTorch's default.",
    ),
    Port(
        title="Gaussian negative log-likelihood",
        inputs={**_XY, "v": [[0.5], [2.0]]},
        value=0.78125,
        torch="nn.GaussianNLLLoss()(x, y, v)",
        lossmith="lm.gaussian_nll(x, y, v)",
        note="The variance, not the deviation, comes last. Both leave out the constant unless full=True.",
    ),
)

VECTORS = (
    Port(
        title="Cosine similarity as a loss",
        inputs=_VECTORS,
        value=-0.8335534,
        keras="keras.losses.CosineSimilarity()(y, x)",
        torch="-F.cosine_similarity(x, y).mean()",
        optax="-optax.losses.cosine_similarity(x, y).mean()",
        lossmith="lm.cosine_similarity(x, y)",
        note="Keras' sign is that of a loss; PyTorch's and optax's functions rise with the likeness.",
    ),
    Port(
        title="Cosine distance",
        inputs={**_VECTORS, "together": [1.0, 1.0]},
        value=0.1664466,
        keras="1 + keras.losses.CosineSimilarity()(y, x)",
        torch="nn.CosineEmbeddingLoss()(x, y, together)",
        optax="optax.losses.cosine_distance(x, y).mean()",
        lossmith="lm.cosine_embedding(x, together, y)",
        note="In lossmith the target comes second, and the other vector after it.",
    ),
    Port(
        title="Triplets",
        inputs={"a": [[0.0, 0.0]], "p": [[0.0, 1.0]], "n": [[1.5, 0.0]]},
        value=0.5,
        torch="nn.TripletMarginLoss(margin=1.0)(a, p, n)",
        optax="optax.losses.triplet_margin_loss(a, p, n, margin=1.0).mean()",
        lossmith="lm.triplet_margin(a, p, n, margin=1.0)",
        note="p= is norm_degree= in optax and power= in lossmith; optax adds eps to the sum of squares, the others to "
        "every difference. For another distance function: nn.TripletMarginWithDistanceLoss, also in lossmith.torch.",
    ),
    Port(
        title="Margin ranking",
        inputs={"first": [0.8, 0.2], "second": [0.5, 0.5], "y": [1.0, 1.0]},
        value=0.5,
        torch="nn.MarginRankingLoss(margin=0.5)(first, second, y)",
        lossmith="lm.margin_ranking(first, y, second, margin=0.5)",
        note="In lossmith the target comes second, as everywhere.",
    ),
    Port(
        title="Hinge on distances",
        inputs={"x": [0.7, 0.4], "y": [1.0, -1.0]},
        value=0.65,
        torch="nn.HingeEmbeddingLoss(margin=1.0)(x, y)",
        lossmith="lm.hinge_embedding(x, y, margin=1.0)",
    ),
    Port(
        title="Ranking by softmax",
        inputs={"x": [[2.0, 1.0, 3.0]], "y": [[1.0, 0.0, 0.0]]},
        value=1.407606,
        keras="keras.losses.CategoricalCrossentropy(from_logits=True)(y, x)",
        torch="nn.CrossEntropyLoss()(x, y)",
        optax="optax.losses.ranking_softmax_loss(x, y)",
        lossmith="lm.softmax_cross_entropy(x, y)",
        note="Relevances that do not sum to 1 are refused by lossmith's own function; lossmith.jax has "
        "ranking_softmax_loss as it is.",
    ),
)

_WEIGHTED = {**_XY, "w": [[3.0], [1.0]]}

MEANS = (
    Port(
        title="A mean with weights, over their sum",
        inputs={**_WEIGHTED, "w": [3.0, 1.0]},
        value=1.3125,
        keras='keras.losses.MeanSquaredError(reduction="mean_with_sample_weight")(y, x, sample_weight=w)',
        torch="F.mse_loss(x, y, weight=w[:, None])",
        optax="jnp.average(optax.losses.squared_error(x, y)[:, 0], weights=w)",
        lossmith="lm.squared_error(x, y, weight=w)",
    ),
    Port(
        title="A mean with weights, over the number of samples",
        inputs={**_WEIGHTED, "w": [3.0, 1.0]},
        value=2.625,
        keras="keras.losses.MeanSquaredError()(y, x, sample_weight=w)",
        torch='(w[:, None] * F.mse_loss(x, y, reduction="none")).mean()',
        optax="(w[:, None] * optax.losses.squared_error(x, y)).mean()",
        lossmith="lm.squared_error(x, y, weight=w, normalizer=2)",
        note="Keras' default.",
    ),
    Port(
        title="A mean over what is not padding",
        inputs={"x": [[2.0, 9.0], [3.0, 4.0]], "y": [[1.0, 0.0], [5.0, 4.0]], "keep": [[True, False], [True, True]]},
        value=1.6666667,
        keras='keras.losses.MeanSquaredError(reduction="mean_with_sample_weight")'
        "(y[..., None], x[..., None], sample_weight=keep)",
        torch="nn.MSELoss()(x[keep], y[keep])",
        optax="optax.losses.squared_error(x, y).mean(where=keep)",
        lossmith="lm.squared_error(x, y, mask=keep)",
        note="Keras multiplies, so that a NaN in the padding stays; the others select.",
    ),
    Port(
        title="One value per element",
        inputs={"x": [[2.0]], "y": [[1.0]]},
        value=1.0,
        keras="keras.losses.mean_squared_error(y, x)[0]",
        torch='nn.MSELoss(reduction="none")(x, y)[0, 0]',
        optax="optax.losses.squared_error(x, y)[0, 0]",
        lossmith='lm.squared_error(x, y, reduction="none")[0, 0]',
        note="Keras' functions and reduction=None average the last axis all the same.",
    ),
)
