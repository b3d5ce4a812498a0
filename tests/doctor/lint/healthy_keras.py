"""Healthy Keras sources, and some that nobody can judge: the linter must say nothing about any of them."""

SOURCES = {
    "Sequential, right": """
        model = keras.Sequential([layers.Dense(3, activation="softmax")])
        model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        logits = keras.Sequential([layers.Dense(3)])
        logits.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        binary = keras.Sequential([layers.Dense(1, activation="sigmoid")])
        binary.compile(loss="binary_crossentropy", metrics=["accuracy", keras.metrics.AUC()])
        numbers = keras.Sequential([layers.Dense(1)])
        numbers.compile(loss="mse", metrics=["mae"])
    """,
    "multi-label": """
        model = keras.Sequential([layers.Dense(20, activation="sigmoid")])
        model.compile(loss="binary_crossentropy", metrics=["binary_accuracy"])
    """,
    "logits with the right metric": """
        model = keras.Sequential([layers.Dense(1)])
        model.compile(
            loss=keras.losses.BinaryCrossentropy(from_logits=True),
            metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)],
        )
    """,
    "by a flag": """
        model = keras.Sequential([layers.Dense(3, activation=None if logits else "softmax")])
        model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=logits))
        other = keras.Sequential()
        other.add(layers.Dense(3))
        if not logits:
            other.add(layers.Softmax())
        other.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        other.compile(loss=keras.losses.SparseCategoricalCrossentropy(**settings))
    """,
    "layers that a function adds": """
        def head(model):
            model.add(layers.Softmax())
        model = keras.Sequential([layers.Dense(3)])
        head(model)
        model.compile(loss="categorical_crossentropy")
        outer = keras.Sequential([layers.Dense(3)])
        elsewhere.finish(outer)
        extend(outer)
        outer.compile(loss="categorical_crossentropy")
    """,
    "attention, and a softmax over time": """
        score = layers.Dense(1, activation="tanh")(h)
        score = layers.Flatten()(score)
        weights = layers.Activation("softmax")(score)
        other = layers.Softmax(axis=1)(layers.Dense(1)(h))
    """,
    "softmax beside the trained logits": """
        inputs = keras.Input((4,))
        logits = layers.Dense(3)(inputs)
        model = keras.Model(inputs, logits)
        model.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True))
        serving = keras.Model(inputs, layers.Softmax()(logits))
        chain = keras.Sequential([model, layers.Softmax()])
    """,
    "two outputs by position, by name": """
        inputs = keras.Input((4,))
        a = layers.Dense(3, activation="softmax", name="a")(inputs)
        b = layers.Dense(1, name="b")(inputs)
        model = keras.Model(inputs, [a, b])
        model.compile(loss=["categorical_crossentropy", "mse"], metrics=[["accuracy"], ["mae"]])
        model.compile(loss={"a": "categorical_crossentropy", "b": "mse"}, metrics={"a": "accuracy"})
    """,
    "class instead of object, which Keras takes": """
        model = keras.Sequential([layers.Dense(1, activation="sigmoid")])
        model.compile(loss=keras.losses.BinaryCrossentropy)
    """,
    "autoencoder, distillation": """
        auto = keras.Sequential([layers.Dense(2), layers.Dense(9, activation="sigmoid")])
        auto.compile(loss="binary_crossentropy")
        auto.compile(loss="mse")
        student = keras.Sequential([layers.Dense(3, activation="softmax")])
        student.compile(loss="mse")
        student.compile(loss="kl_divergence")
    """,
    "layers that are not known": """
        from elsewhere import Head
        model = keras.Sequential([layers.Dense(3), Head()])
        model.compile(loss="categorical_crossentropy")
        lam = keras.Sequential([layers.Dense(3), layers.Lambda(lambda t: keras.ops.softmax(t))])
        lam.compile(loss="categorical_crossentropy")
        custom = keras.Sequential([layers.Dense(3, activation=mish)])
        custom.compile(loss="categorical_crossentropy")
        more = keras.Sequential([layers.Dense(3, **settings)])
        more.compile(loss="categorical_crossentropy")
    """,
    "own losses": """
        def own(y_true, y_pred):
            hits = keras.ops.cast(keras.ops.argmax(y_pred, -1) == y_true, "float32")
            return keras.losses.sparse_categorical_crossentropy(y_true, y_pred) * (1 - hits)
        model.compile(loss=own)
        model.compile(loss=lambda y, p: keras.ops.mean(p))
    """,
    "a GAN": """
        bce = keras.losses.BinaryCrossentropy(from_logits=True)
        def generator_loss(fake_output):
            return bce(keras.ops.ones_like(fake_output), fake_output)
    """,
    "another compile": """
        import re, torch
        re.compile("loss")
        torch.compile(model)
        builtins.compile("x", "loss", "exec")
    """,
    "labels of the right kind, softmax over a single row": """
        sparse = keras.losses.SparseCategoricalCrossentropy()
        rows = keras.losses.CategoricalCrossentropy()
        hot = keras.utils.to_categorical(y, 4)
        a = sparse(keras.ops.argmax(hot, axis=-1), model(x)) + rows(hot, model(x))
        b = rows(hot if dense else y, model(x))
        row = rows(hot[0], keras.ops.softmax(model(x)[0], axis=0))
        bag = keras.Sequential([layers.Dense(1), layers.Softmax(axis=0), layers.Dense(3, activation="softmax")])
        bag.compile(loss="categorical_crossentropy")
    """,
}
