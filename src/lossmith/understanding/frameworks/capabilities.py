"""Which transformations work on which loss of a face: every cell is checked by a test, or says why it is refused.

The losses are those of ``understanding.faces``. ``REFUSED`` holds the cells of the faces that raise, ``THEIRS`` those
of PyTorch's own modules that raise or are wrong, for comparison.
"""

from __future__ import annotations

from ..faces import names_in

CAPABILITIES: dict[str, dict[str, str]] = {
    "torch": {
        "double backward": "gradients of gradients, checked by finite differences",
        "jvp": "forward mode: `torch.func.jvp`",
        "vmap(grad)": "gradients per sample: `torch.func.vmap(torch.func.grad(…))`",
        "hessian": "forward over reverse: `torch.func.hessian`",
        "compile": "`torch.compile(fullgraph=True)`, with its gradient",
        "export": "`torch.export.export`",
        "meta tensors": "shapes without numbers: `module.to('meta')`",
        "autocast": "inputs in bfloat16 under `torch.autocast`: computed and returned in float32",
        "pickle": "`pickle` and `copy.deepcopy`",
    },
    "jax": {
        "jit": "`jax.jit`",
        "vmap": "`jax.vmap` over rows",
        "grad": "`jax.grad`, checked by finite differences",
        "jvp": "forward mode: `jax.jvp`",
        "hessian": "forward over reverse: `jax.hessian`",
    },
    "keras": {
        "tf.function": "a traced graph of value and gradient, on TensorFlow",
        "jit_compile": "the same compiled by XLA: `tf.function(jit_compile=True)`",
    },
}
REFUSED: dict[tuple[str, str, str], str] = {}  # (face, loss, capability): why

_NO_SECOND = "the derivative of its backward function is not implemented"
_NO_FORWARD = "forward mode is not implemented for it"
_SHAPE = "the shape of what it keeps depends on the targets"
_READS = "it looks at the variances, which a trace and a meta tensor do not have"
THEIRS: dict[tuple[str, str], str] = {  # (module of torch.nn, capability): what happens there
    ("SoftMarginLoss", "hessian"): _NO_FORWARD,
    ("MultiMarginLoss", "double backward"): _NO_SECOND,
    ("MultiMarginLoss", "jvp"): _NO_FORWARD,
    ("MultiMarginLoss", "hessian"): _NO_FORWARD,
    ("MultiLabelMarginLoss", "double backward"): _NO_SECOND,
    ("MultiLabelMarginLoss", "jvp"): _NO_FORWARD,
    ("MultiLabelMarginLoss", "hessian"): _NO_FORWARD,
    (
        "MultiLabelMarginLoss",
        "compile",
    ): "the compiled value and gradient are wrong where a row lists fewer labels than there are classes",
    ("CTCLoss", "double backward"): _NO_SECOND,
    ("CTCLoss", "jvp"): _NO_FORWARD,
    ("CTCLoss", "vmap(grad)"): "it wants targets of their exact lengths",
    ("CTCLoss", "hessian"): _NO_FORWARD,
    ("CTCLoss", "compile"): _SHAPE,
    ("CTCLoss", "export"): _SHAPE,
    ("CTCLoss", "meta tensors"): "it is not implemented for them",
    ("GaussianNLLLoss", "compile"): _READS,
    ("GaussianNLLLoss", "export"): _READS,
    ("GaussianNLLLoss", "meta tensors"): _READS,
}


def losses_of(face: str) -> tuple[str, ...]:
    """Return the losses of a face that its table has: modules, functions of JAX, classes of Keras.

    >>> from lossmith.understanding.frameworks.capabilities import losses_of
    >>> losses_of("keras")[:2]
    ('BinaryCrossentropy', 'BinaryFocalCrossentropy')
    """
    names = {name for names in names_in(face).values() for name in names if "." not in name}
    return tuple(sorted(name for name in names if face == "jax" or name[0].isupper()))
