"""The PyTorch face against PyTorch itself: value, gradient, shape and dtype, over a grid of options."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from frameworks import require

torch = require("torch")

import lossmith.torch as lt  # noqa: E402
import lossmith.torch.functional as ours  # noqa: E402
from lossmith import DomainError, InputError, LabelError, ShapeError  # noqa: E402

theirs = torch.nn.functional
N, C = 7, 5
REDUCTIONS = ("mean", "sum", "none")


def _data(dtype=torch.float64):
    g = torch.Generator().manual_seed(7)
    logits = torch.randn(N, C, generator=g, dtype=dtype)
    soft = torch.randn(N, C, generator=g, dtype=dtype).softmax(-1)
    labels = torch.tensor([0, 1, 2, 3, 4, -100, 1])
    weight = torch.rand(C, generator=g, dtype=dtype) + 0.5
    full = torch.rand(N, C, generator=g, dtype=dtype) + 0.5
    return logits, soft, labels, weight, full


logits, soft, labels, weight, full = _data()
counts = (soft * 20).round()
ELEMENTWISE = {
    "mse": ("mse_loss", logits, soft, {}),
    "mse weighted": ("mse_loss", logits, soft, {"weight": full}),
    "l1": ("l1_loss", logits, soft, {}),
    "l1 weighted": ("l1_loss", logits, soft, {"weight": full}),
    "huber": ("huber_loss", logits, soft, {"delta": 0.4}),
    "huber weighted": ("huber_loss", logits, soft, {"weight": full}),
    "smooth l1": ("smooth_l1_loss", logits, soft, {"beta": 0.3}),
    "smooth l1 beta 0": ("smooth_l1_loss", logits, soft, {"beta": 0.0}),
    "poisson": ("poisson_nll_loss", logits, counts, {}),
    "poisson full": ("poisson_nll_loss", logits, counts, {"full": True}),
    "poisson rate": ("poisson_nll_loss", logits.abs(), counts, {"log_input": False, "eps": 1e-3}),
    "bce": ("binary_cross_entropy", logits.sigmoid(), soft, {}),
    "bce weighted": ("binary_cross_entropy", logits.sigmoid(), soft, {"weight": weight}),
    "bce logits": ("binary_cross_entropy_with_logits", logits, soft, {}),
    "bce logits weighted": ("binary_cross_entropy_with_logits", logits, soft, {"weight": full, "pos_weight": weight}),
    "bce logits pos_weight ()": ("binary_cross_entropy_with_logits", logits, soft, {"pos_weight": weight[0]}),
    "kl": ("kl_div", logits.log_softmax(-1), soft, {}),
    "kl log target": ("kl_div", logits.log_softmax(-1), soft.log(), {"log_target": True}),
}
signs, row_signs = torch.sign(logits), torch.sign(logits[:, 0])
other = soft + logits.flip(0)
listed = torch.full((N, C), -1)  # class indices up to the first -1
listed[0, :2], listed[1, :1], listed[2] = torch.tensor([0, 3]), 1, torch.tensor([2, 0, 1, 4, 3])
listed[3], listed[5, :4] = torch.tensor([-1, 1, 2, 3, 4]), torch.arange(4)
MORE = {
    "nll": ("nll_loss", logits.log_softmax(-1), (labels,), {"weight": weight}),
    "gaussian": ("gaussian_nll_loss", logits, (soft, full), {"full": True}),
    "gaussian per row": ("gaussian_nll_loss", logits, (soft, full[:, 0]), {}),
    "gaussian column": ("gaussian_nll_loss", logits, (soft, full[:, :1]), {}),
    "gaussian zero": ("gaussian_nll_loss", logits, (soft, full * (full > 1)), {"full": True}),
    "gaussian number": ("gaussian_nll_loss", logits, (soft, 0.5), {}),
    "soft margin": ("soft_margin_loss", logits, (signs,), {}),
    "hinge embedding": ("hinge_embedding_loss", logits.abs(), (signs,), {"margin": 0.7}),
    "margin ranking": ("margin_ranking_loss", logits, (other, signs), {"margin": 0.3}),
    "cosine embedding": ("cosine_embedding_loss", logits, (other, row_signs), {"margin": 0.2}),
    "cosine embedding one": ("cosine_embedding_loss", logits[0], (other[0], row_signs[0]), {}),
    "triplet": ("triplet_margin_loss", logits, (soft, other), {"margin": 2.0}),
    "triplet p=1 swap": ("triplet_margin_loss", logits, (soft, other), {"p": 1, "swap": True, "eps": 1e-3}),
    "triplet distance": (
        "triplet_margin_with_distance_loss",
        logits,
        (soft, other),
        {"distance_function": lambda a, b: 1 - theirs.cosine_similarity(a, b), "swap": True},
    ),
    "triplet default": ("triplet_margin_with_distance_loss", logits, (soft, other), {}),
    "multi margin": ("multi_margin_loss", logits, (labels.clamp(min=0),), {"weight": weight}),
    "multi margin squared": ("multi_margin_loss", logits, (labels.clamp(min=0),), {"p": 2, "margin": 0.5}),
    "multilabel margin": ("multilabel_margin_loss", logits, (listed,), {}),
    "multilabel margin one": ("multilabel_margin_loss", logits[0], (listed[0],), {}),
    "multilabel soft margin": ("multilabel_soft_margin_loss", logits, (soft,), {"weight": weight}),
}
steps, lengths = torch.tensor([6, 5, 6, 4]), torch.tensor([3, 2, 0, 2])
spoken = torch.randn(6, 4, C, generator=torch.Generator().manual_seed(3), dtype=torch.float64).log_softmax(-1)
tokens = torch.tensor([[1, 1, 2], [4, 3, 99], [99, 99, 99], [2, 2, -5]])
MORE |= {
    "ctc": ("ctc_loss", spoken, (tokens, steps, lengths), {}),
    "ctc in a row": ("ctc_loss", spoken, (torch.tensor([1, 1, 2, 4, 3, 2, 2]), steps, lengths), {}),
    "ctc one": ("ctc_loss", spoken[:, 0], (tokens[0], steps[:1], lengths[:1]), {"blank": 3}),
    "ctc lists": ("ctc_loss", spoken, (tokens, steps.tolist(), lengths.tolist()), {}),
    "ctc zero infinity": ("ctc_loss", spoken, (tokens, steps - 3, lengths), {"zero_infinity": True}),
}
images = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
image_labels = torch.randint(0, 3, (2, 4, 5), generator=torch.Generator().manual_seed(2))
CROSS = {
    "labels": (logits, labels, {}),
    "labels weighted": (logits, labels, {"weight": weight}),
    "labels smoothed": (logits, labels, {"label_smoothing": 0.1}),
    "labels both": (logits, labels.clamp(min=0), {"weight": weight, "label_smoothing": 0.2, "ignore_index": 1}),
    "dense": (logits, soft, {}),
    "dense both": (logits, soft, {"weight": weight, "label_smoothing": 0.2}),
    "one row": (logits[0], labels[0], {}),
    "image": (images, image_labels, {"weight": weight[:3]}),
    "image dense": (images, images.softmax(1), {"label_smoothing": 0.1, "weight": weight[:3]}),
    "empty": (logits[:0], labels[:0], {}),
    "all ignored": (logits, torch.full((N,), -100), {}),
}
TWO = {**ELEMENTWISE, **{f"ce {k}": ("cross_entropy", *v) for k, v in CROSS.items()}}
CASES = {**{key: (name, x, (target,), options) for key, (name, x, target, options) in TWO.items()}, **MORE}


def _both(name, x, others, options):
    results = []
    for module in (ours, theirs):
        leaf = x.detach().clone().requires_grad_(True)
        value = getattr(module, name)(leaf, *others, **options)
        (gradient,) = torch.autograd.grad(value.sum(), leaf)
        results.append((value.detach(), gradient))
    return results


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides:UserWarning")  # PyTorch's own advice on kl_div
def test_value_and_gradient_are_pytorchs(case, reduction):
    name, x, others, options = CASES[case]
    (value, gradient), (expected, expected_gradient) = _both(name, x, others, {**options, "reduction": reduction})
    torch.testing.assert_close(value, expected, rtol=1e-12, atol=1e-12, equal_nan=True)
    torch.testing.assert_close(gradient, expected_gradient, rtol=1e-9, atol=1e-12, equal_nan=True)


def test_kl_batchmean():
    x = logits.log_softmax(-1)
    torch.testing.assert_close(
        ours.kl_div(x, soft, reduction="batchmean"), theirs.kl_div(x, soft, reduction="batchmean")
    )


@pytest.mark.parametrize("name", lt.__all__)
def test_modules_are_pytorchs_own(name):
    if name == "functional":
        pytest.skip("a module of functions")
    kind, original = getattr(lt, name), getattr(torch.nn, name)
    assert issubclass(kind, original)
    assert inspect.signature(kind) == inspect.signature(original)
    sizes = (3, 5) if name == "LinearCrossEntropyLoss" else ()
    module = kind(*sizes, reduction="sum")
    assert isinstance(pickle.loads(pickle.dumps(module)), kind)
    assert copy.deepcopy(module).reduction == "sum"


@pytest.mark.parametrize("name", sorted({case[0] for case in CASES.values()}))
def test_functions_have_pytorchs_signature(name):
    def names(function):
        return [(p.name, p.default) for p in inspect.signature(function).parameters.values()]

    assert names(getattr(ours, name)) == names(getattr(theirs, name))


MODULES = {
    "NLLLoss": (logits.log_softmax(-1), labels, {"weight": weight}),
    "SoftMarginLoss": (logits, signs, {}),
    "HingeEmbeddingLoss": (logits.abs(), signs, {"margin": 0.7}),
    "MultiMarginLoss": (logits, labels.clamp(min=0), {"p": 2, "margin": 0.5, "weight": weight}),
    "MultiLabelMarginLoss": (logits, listed, {}),
    "MultiLabelSoftMarginLoss": (logits, soft, {"weight": weight}),
    "MSELoss": (logits, soft, {}),
    "L1Loss": (logits, soft, {}),
    "HuberLoss": (logits, soft, {"delta": 0.4}),
    "SmoothL1Loss": (logits, soft, {"beta": 0.3}),
    "PoissonNLLLoss": (logits, counts, {"full": True}),
    "BCELoss": (soft, soft, {"weight": weight}),
    "BCEWithLogitsLoss": (logits, soft, {"pos_weight": weight}),
    "CrossEntropyLoss": (logits, labels, {"weight": weight, "label_smoothing": 0.1}),
    "KLDivLoss": (logits.log_softmax(-1), soft, {"reduction": "sum"}),
}


@pytest.mark.parametrize("name", MODULES)
def test_modules_compute_what_pytorchs_do(name):
    x, target, options = MODULES[name]
    module = getattr(lt, name)(**options)
    torch.testing.assert_close(module(x, target), getattr(torch.nn, name)(**options)(x, target))


OF_THREE = {
    "GaussianNLLLoss": ((logits, soft, full), {"full": True, "eps": 1e-3}),
    "MarginRankingLoss": ((logits, other, signs), {"margin": 0.3}),
    "CosineEmbeddingLoss": ((logits, other, row_signs), {"margin": 0.2}),
    "TripletMarginLoss": ((logits, soft, other), {"p": 3, "swap": True}),
    "TripletMarginWithDistanceLoss": ((logits, soft, other), {"margin": 2.0}),
}


@pytest.mark.parametrize("name", OF_THREE)
def test_modules_of_three_arrays(name):
    arrays, options = OF_THREE[name]
    module = getattr(lt, name)(**options)
    torch.testing.assert_close(module(*arrays), getattr(torch.nn, name)(**options)(*arrays))


def test_every_module_is_tested():
    apart = {"CTCLoss", "LinearCrossEntropyLoss", "functional"}  # tests of their own below
    assert {*MODULES, *OF_THREE, *apart} == set(lt.__all__)


def test_class_weights_travel_with_the_module():
    module = lt.CrossEntropyLoss(weight=weight)
    assert list(module.state_dict()) == ["weight"]
    assert module.to(torch.float32).weight.dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_means_are_right(dtype):
    rows = 262_144 if dtype == torch.bfloat16 else 70_000
    g = torch.Generator().manual_seed(0)
    x = torch.randn(rows, 10, generator=g).to(dtype)
    y = torch.randint(0, 10, (rows,), generator=g)
    value = lt.CrossEntropyLoss()(x, y)
    expected = theirs.cross_entropy(x.double(), y)
    assert value.dtype == torch.float32
    assert abs(value.item() - expected.item()) < 1e-5
    assert lt.CrossEntropyLoss(reduction="none")(x[:4], y[:4]).dtype == dtype


def test_where_pytorch_is_wrong_we_are_not():
    certain = torch.tensor([torch.inf, -torch.inf])
    right = torch.tensor([1.0, 0.0])
    assert ours.binary_cross_entropy_with_logits(certain, right).item() == 0
    masked = torch.tensor([[0.0, 1.0, -torch.inf]])
    one_hot = torch.tensor([[0.0, 1.0, 0.0]])
    torch.testing.assert_close(ours.cross_entropy(masked, one_hot), theirs.cross_entropy(masked, torch.tensor([1])))
    x = torch.tensor([[1.0, 2.0], [torch.nan, 0.0]], requires_grad=True)
    ours.cross_entropy(x, torch.tensor([0, -100])).backward()
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
def test_labels_of_any_integer_dtype(dtype):
    y = torch.tensor([0, 1, 2, 3, 4, 0, 1], dtype=dtype)
    torch.testing.assert_close(ours.cross_entropy(logits, y), theirs.cross_entropy(logits, y.long()))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ours.mse_loss(torch.ones(4, 1), torch.ones(4)), ShapeError, r"squeeze\(-1\)"),
        (lambda: ours.cross_entropy(logits, torch.full((N,), 5)), LabelError, "label 5 at position 0"),
        (lambda: ours.cross_entropy(logits, torch.ones(N)), LabelError, r"target\.long\(\)"),
        (lambda: ours.binary_cross_entropy(logits, soft), DomainError, "sigmoid_cross_entropy"),
        (lambda: ours.mse_loss(logits, soft, reduction="average"), InputError, "not a valid value for reduction"),
        (lambda: lt.CrossEntropyLoss(label_smoothing=2.0)(logits, labels), InputError, "label_smoothing is 2.0"),
        (lambda: lt.HuberLoss(delta=1.0)(logits, None), InputError, "target is None"),
    ],
)
def test_bad_input_says_what_to_type(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_numbers_people_learn_with():
    assert lt.MSELoss()(torch.tensor([2.0, 3.0]), torch.tensor([1.0, 5.0])).item() == 2.5
    assert lt.MSELoss()(torch.tensor([2.5, 5.5]), torch.tensor([3.0, 5.0])).item() == 0.25
    x, y = torch.tensor([[2.5], [5.5], [6.0]]), torch.tensor([[3.0], [5.0], [7.0]])
    assert lt.MSELoss()(x, y).item() == 0.5
    assert lt.L1Loss()(torch.tensor([2.0, 3.0]), torch.tensor([1.0, 0.0])).item() == 2.0
    assert lt.MSELoss()(torch.tensor([2.0, 3.0]), torch.tensor([1.0, 0.0])).item() == 5.0
    for p, expected in ((0.9, 0.1054), (0.8, 0.2231), (0.75, 0.2876821)):
        z = torch.tensor([[p, 1 - p]], dtype=torch.float64).log()
        assert lt.CrossEntropyLoss()(z, torch.tensor([0])).item() == pytest.approx(expected, abs=5e-5)
        assert lt.CrossEntropyLoss()(z, torch.tensor([[1.0, 0.0]])).item() == pytest.approx(expected, abs=5e-5)
    z = torch.tensor([[0.9, 0.1], [0.2, 0.8]], dtype=torch.float64).log()
    assert lt.CrossEntropyLoss()(z, torch.tensor([0, 1])).item() == pytest.approx(0.1643, abs=5e-5)


LINEAR = {
    "labels": ((N,), {}),
    "weighted": ((N,), {"weight": weight}),
    "smoothed": ((N,), {"label_smoothing": 0.1, "weight": weight}),
    "dense": ((N, C), {"weight": weight}),
    "bias": ((N,), {"linear_bias": logits[0], "ignore_index": 1}),
}


@pytest.mark.parametrize("rows", [None, 3])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("case", LINEAR)
def test_linear_cross_entropy_whole_and_in_chunks(case, reduction, rows):
    shape, options = LINEAR[case]
    target = soft if shape == (N, C) else labels.clamp(min=0) if "ignore_index" in options else labels
    results = []
    for module, chunked in ((ours, rows), (theirs, None)):
        x, w = logits[:, :3].clone().requires_grad_(True), soft[:5, :3].clone().requires_grad_(True)
        chunks = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=3, chunking_method=None) if chunked else None
        value = module.linear_cross_entropy(x, w, target, reduction=reduction, options=chunks, **options)
        results.append((value.detach(), *torch.autograd.grad(value.sum(), (x, w))))
    for mine, pytorchs in zip(*results, strict=True):
        torch.testing.assert_close(mine, pytorchs, rtol=1e-10, atol=1e-12)


def test_linear_cross_entropy_of_images_and_twice():
    x, w = logits[:, :3].clone().requires_grad_(True), torch.randn(C, 2, 3, dtype=torch.float64, requires_grad=True)
    target = torch.arange(2 * N).reshape(N, 2) % C
    torch.testing.assert_close(
        ours.linear_cross_entropy(x, w, target), theirs.linear_cross_entropy(x, w, target), rtol=1e-12, atol=1e-12
    )
    options = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=2, chunking_method=None)
    assert torch.autograd.gradgradcheck(lambda x: ours.linear_cross_entropy(x, w, target, options=options), (x,))
    module = lt.LinearCrossEntropyLoss(3, C, out_features=(2,), bias=True, dtype=torch.float64)
    original = torch.nn.LinearCrossEntropyLoss(3, C, out_features=(2,), bias=True, dtype=torch.float64)
    original.load_state_dict(module.state_dict())
    torch.testing.assert_close(module(x, target), original(x, target), rtol=1e-12, atol=1e-12)
    with pytest.raises(ShapeError, match=r"\(N, F\)"):
        ours.linear_cross_entropy(x, w[..., :2], target)
    with pytest.raises(ShapeError, match="linear_bias has shape"):
        ours.linear_cross_entropy(x, w, target, linear_bias=logits[0])


def test_the_chunks_of_linear_cross_entropy_hold_no_full_logits():
    x, w = torch.randn(64, 4), torch.randn(50, 4, requires_grad=True)
    shapes = []

    def keep(tensor):
        shapes.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        options = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=8, chunking_method=None)
        ours.linear_cross_entropy(x, w, torch.arange(64) % 50, options=options).backward()
    assert max(shapes) <= 8 * 50


def test_ctc_says_what_is_wrong_instead_of_reading_foreign_memory():
    with pytest.raises(LabelError, match=r"token 5 at position \(0, 0\), but prediction has 5 classes"):
        ours.ctc_loss(spoken, tokens + 4, steps, lengths)
    with pytest.raises(LabelError, match="which is the blank"):
        ours.ctc_loss(spoken, tokens, steps, lengths, blank=1)
    with pytest.raises(DomainError, match=r"prediction_length is 7 .* 6 steps"):
        ours.ctc_loss(spoken, tokens, steps + 1, lengths)
    with pytest.raises(InputError, match="reduction"):
        ours.ctc_loss(spoken, tokens, steps, lengths, reduction="max")
    logits_give = ours.ctc_loss(spoken + 3, tokens, steps, lengths)
    torch.testing.assert_close(logits_give, ours.ctc_loss(spoken, tokens, steps, lengths))
    infinite = spoken.clone().requires_grad_(True)
    ours.ctc_loss(infinite, tokens, steps - 3, lengths, reduction="sum").backward()
    assert torch.isfinite(infinite.grad).all()


def test_the_ctc_module():
    arrays, options = (spoken, tokens, steps, lengths), {"reduction": "sum", "zero_infinity": True}
    module = lt.CTCLoss(**options)
    torch.testing.assert_close(module(*arrays), torch.nn.CTCLoss(**options)(*arrays))
    torch.testing.assert_close(torch.export.export(module, arrays).module()(*arrays), module(*arrays))
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(*arrays), module(*arrays))
    assert module(*(x.to("meta") for x in arrays)).shape == ()
