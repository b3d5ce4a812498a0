"""Faulty Keras sources; the line of each finding carries its code."""

FAULTY = {
    "softmax and from_logits, Sequential": """
        model = keras.Sequential([layers.Dense(8, activation="relu"), layers.Dense(3, activation="softmax")])
        model.compile("adam", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))  #: OUT02
    """,
    "softmax and from_logits, add": """
        from tensorflow.keras.models import Sequential
        from tensorflow.keras.layers import *
        from tensorflow.keras.losses import CategoricalCrossentropy
        model = Sequential()
        model.add(Dense(8, activation="relu"))
        model.add(Dense(3))
        model.add(Activation("softmax"))
        model.compile(optimizer="adam", loss=CategoricalCrossentropy(True))  #: OUT02
    """,
    "softmax and from_logits, functional, in a function": """
        import tensorflow as tf
        def build(classes):
            inputs = tf.keras.Input((4,))
            x = tf.keras.layers.Dense(8, activation=tf.nn.relu)(inputs)
            outputs = tf.keras.layers.Dense(classes, activation=tf.nn.softmax)(x)
            return tf.keras.Model(inputs=inputs, outputs=outputs)
        model = build(3)
        loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer="adam",
                      loss=loss,  #: OUT02
                      metrics=["accuracy"])
    """,
    "softmax and from_logits, subclass": """
        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.dense = layers.Dense(3, activation="softmax")
            def call(self, inputs):
                return self.dense(inputs)
        model = Net()
        model.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))  #: OUT02
    """,
    "softmax and from_logits in a custom loop": """
        import tensorflow as tf
        model = keras.Sequential([layers.Dense(3, activation="softmax")])
        loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        with tf.GradientTape() as tape:
            loss = loss_fn(y, model(x, training=True))  #: OUT02
        grads = tape.gradient(loss, model.trainable_weights)
    """,
    "logits without from_logits": """
        a = keras.Sequential([layers.Dense(8, "relu"), layers.Dense(3)])
        a.compile(loss="sparse_categorical_crossentropy")  #: OUT03
        b = keras.Sequential([layers.Dense(1, activation="relu")])
        b.compile(loss="binary_crossentropy")  #: OUT03
        c = keras.Sequential([layers.Dense(1), layers.Activation("tanh")])
        c.compile(loss=keras.losses.BinaryCrossentropy())  #: OUT03
    """,
    "sigmoid for exclusive classes": """
        model = keras.Sequential([layers.Dense(5, activation="sigmoid")])
        model.compile(loss="categorical_crossentropy")  #: OUT04
    """,
    "binary loss on softmax": """
        model = keras.Sequential([layers.Dense(5, activation="softmax")])
        model.compile(loss="binary_crossentropy")  #: OUT05
    """,
    "one unit": """
        model = keras.Sequential([layers.Dense(1, activation="softmax")])  #: OUT01
        model.compile(loss="binary_crossentropy")
        other = keras.Sequential([layers.Dense(1, activation="sigmoid")])
        other.compile(loss="categorical_crossentropy")  #: OUT06
        x = layers.Dense(1)(inputs)
        x = layers.Softmax()(x)  #: OUT01
    """,
    "rectified logits": """
        model = keras.Sequential([layers.Dense(3, activation="relu")])
        model.compile(loss=keras.losses.CategoricalCrossentropy(from_logits=True))  #: OUT08
    """,
    "squared error on a softmax": """
        model = keras.Sequential([layers.Dense(3, activation="softmax")])
        model.compile(loss="mse", metrics=["accuracy"])  #: OUT09
    """,
    "dropout after the last weights": """
        model = keras.Sequential([layers.Dense(3), layers.Dropout(0.5), layers.Activation("softmax")])
        model.compile(loss="categorical_crossentropy")  #: OUT16
    """,
    "metrics against the loss": """
        logits = keras.Sequential([layers.Dense(1)])
        logits.compile(loss=keras.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])  #: MET01
        bce = keras.losses.BinaryCrossentropy(from_logits=True)
        logits.compile(loss=bce, metrics=[keras.metrics.BinaryAccuracy()])  #: MET01
        numbers = keras.Sequential([layers.Dense(1)])
        numbers.compile(loss="mse", metrics=["accuracy"])  #: MET01
        classes = keras.Sequential([layers.Dense(3, activation="softmax")])
        classes.compile(loss="sparse_categorical_crossentropy", metrics=["categorical_accuracy"])  #: MET01
        classes.compile(loss="categorical_crossentropy", metrics=[keras.metrics.SparseCategoricalAccuracy()])  #: MET01
        classes.compile(loss="categorical_crossentropy", metrics=[keras.metrics.Accuracy()])  #: MET01
        unknown().compile(loss="categorical_crossentropy", metrics=["binary_accuracy"])  #: MET01
    """,
    "swapped arguments": """
        bce = keras.losses.BinaryCrossentropy()
        def step(y_true, y_pred):
            return bce(y_pred, y_true)  #: OUT13
        def own(y_pred, y_true):
            return keras.ops.mean(keras.ops.square(y_pred - y_true))
        model.compile(loss=own)  #: OUT13
    """,
    "loss of argmax": """
        from keras import ops
        def own(y_true, y_pred):
            return ops.mean(ops.not_equal(ops.argmax(y_pred, axis=-1), y_true))
        model.compile(loss=own)  #: OUT20
    """,
    "two outputs, one of them wrong": """
        inputs = keras.Input((4,))
        a = layers.Dense(3, activation="softmax")(inputs)
        b = layers.Dense(1)(inputs)
        model = keras.Model(inputs, [a, b])
        model.compile(loss=["categorical_crossentropy", "binary_crossentropy"])  #: OUT03
    """,
    "lossmith's own face": """
        import lossmith.keras as lk
        model = keras.Sequential([layers.Dense(3, activation="softmax")])
        model.compile(loss=lk.SparseCategoricalCrossentropy(from_logits=True))  #: OUT02
    """,
    "labels of the other kind": """
        sparse = keras.losses.SparseCategoricalCrossentropy()
        rows = keras.losses.CategoricalCrossentropy(from_logits=True)
        def step(x, y):
            hot = keras.utils.to_categorical(y, 4)
            a = sparse(hot, model(x))  #: LAB02
            return a + rows(keras.ops.argmax(hot, axis=-1), model(x))  #: LAB02
    """,
    "softmax over the batch": """
        model = keras.Sequential([layers.Dense(3), layers.Softmax(axis=0)])
        model.compile(loss="categorical_crossentropy")  #: OUT14
    """,
}
