"""The short way of value_and_gradient against the long way, and that it leaves alone what is not ordinary."""

import pickle

import numpy as np
import pytest

import lossmith as lm
from lossmith import native
from lossmith.core import api, quick
from lossmith.core.compute import call, value_and_gradient
from lossmith.errors import DomainError, InputError, LossmithError, ShapeError
from lossmith.losses import Domain
from lossmith.native import elementwise

pytestmark = pytest.mark.skipif(not native.has_native(), reason="no native core")


def short_and_long(settings, prediction, target):
    loss = lm.SoftmaxCrossEntropy(**settings)
    short = quick.find(loss.definition, loss._parameters, loss._settings)
    arguments = {"parameters": loss._parameters, **loss._settings}
    return short, lambda: value_and_gradient(loss.definition, prediction, target, **arguments)


def batch(rows=32, classes=10, dtype=np.float32):
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, classes)).astype(dtype), rng.integers(0, classes, rows)


SETTINGS = [
    {},
    {"reduction": "sum"},
    {"label_smoothing": 0.1, "z_loss": 1e-3},
    {"ignore_index": 3},
    {"ignore_index": -100, "axis": 1},
    {"class_weight": [0.5, 1, 2.0, 0.0, 1.0, 1.5, 0.25, 3.0, 1.0, 1.0]},
    {"class_weight": np.arange(10), "label_smoothing": 0.1, "ignore_index": 3},
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("tensors", [False, True])
def test_it_gives_what_the_long_way_gives(settings, dtype, tensors):
    prediction, target = batch(dtype=dtype)
    if tensors:
        torch = pytest.importorskip("torch")
        prediction, target = torch.from_numpy(prediction), torch.from_numpy(target)
    short, long = short_and_long(settings, prediction, target)
    value, gradient = short(prediction, target, True)
    expected_value, expected_gradient = long()
    assert type(value) is type(expected_value)
    assert type(gradient) is type(expected_gradient)
    assert gradient.dtype == expected_gradient.dtype
    if tensors:
        assert value.dtype == expected_value.dtype
    np.testing.assert_allclose(float(value), float(expected_value), rtol=2e-6)
    np.testing.assert_allclose(
        np.asarray(gradient), np.asarray(expected_gradient), rtol=1e-3 if dtype == np.float16 else 1e-5, atol=1e-7
    )


@pytest.mark.parametrize(
    "settings", [{"ignore_index": 2.0}, {"reduction": "none"}, {"reduction": "total"}, {"axis": 0}], ids=str
)
def test_some_settings_have_no_short_way(settings):
    loss = lm.SoftmaxCrossEntropy(**settings)
    assert quick.find(loss.definition, loss._parameters, loss._settings) is None


@pytest.mark.parametrize(
    "loss",
    [
        lm.SquaredError(reduction="none"),
        lm.Hinge(),  # targets other than -1 and +1 are an error
        lm.GaussianNLL(),  # takes a third array
        lm.Dice(),
    ],
    ids=lambda loss: loss.definition.name,
)
def test_losses_whose_input_must_be_looked_at_have_no_short_way(loss):
    assert quick.find(loss.definition, loss._parameters, loss._settings) is None


ELEMENTWISE = [lm.SquaredError(), lm.Huber(delta=0.5), lm.LogCosh(reduction="sum"), lm.AbsoluteError()]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("loss", ELEMENTWISE, ids=repr)
@pytest.mark.parametrize("tensors", [False, True])
@pytest.mark.parametrize("shape", [(32, 10), (), (3, 1, 2)], ids=str)
def test_elementwise_losses(loss, dtype, tensors, shape):
    rng = np.random.default_rng(1)
    prediction, target = (np.asarray(rng.normal(size=shape), dtype) for _ in range(2))
    if tensors:
        torch = pytest.importorskip("torch")
        prediction, target = torch.from_numpy(prediction), torch.from_numpy(target)
    value, gradient = quick.find(loss.definition, loss._parameters, loss._settings)(prediction, target, True)
    arguments = {"parameters": loss._parameters, **loss._settings}
    expected_value, expected_gradient = value_and_gradient(loss.definition, prediction, target, **arguments)
    assert type(value) is type(expected_value)
    assert type(gradient) is type(expected_gradient)
    assert gradient.dtype == expected_gradient.dtype
    assert tuple(gradient.shape) == shape
    assert loss(prediction, target) == value
    np.testing.assert_allclose(float(value), float(expected_value), rtol=2e-6)
    rtol = 1e-3 if dtype == np.float16 else 1e-5
    np.testing.assert_allclose(np.asarray(gradient), np.asarray(expected_gradient), rtol=rtol, atol=1e-7)


# Each with a value that is no valid prediction, and one that is no valid target.
BOUNDED = [
    (lm.BinaryCrossEntropy(), 1.5, -0.1),
    (lm.SigmoidCrossEntropy(reduction="sum"), None, 1.1),
    (lm.Poisson(), -0.1, -1.0),
    (lm.GammaNLL(), 0.0, 0.0),
    (lm.AbsolutePercentageError(), None, 0.0),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", BOUNDED, ids=lambda case: repr(case[0]))
@pytest.mark.parametrize("tensors", [False, True])
def test_elementwise_losses_of_what_has_bounds(case, dtype, tensors):
    loss, *odd = case
    rng = np.random.default_rng(1)
    arrays = [rng.uniform(0.1, 0.9, (32, 10)).astype(dtype) for _ in range(2)]
    as_given = pytest.importorskip("torch").from_numpy if tensors else np.asarray
    short = quick.find(loss.definition, loss._parameters, loss._settings)
    value, gradient = short(*map(as_given, arrays), True)
    settings = {"parameters": loss._parameters, **loss._settings}
    wanted, slopes = value_and_gradient(loss.definition, *map(as_given, arrays), **settings)
    assert type(value) is type(wanted)
    assert gradient.dtype == slopes.dtype
    np.testing.assert_allclose(float(value), float(wanted), rtol=2e-6)
    np.testing.assert_allclose(np.asarray(gradient), np.asarray(slopes), rtol=1e-5, atol=1e-7)
    for name, at, bad in zip(("prediction", "target"), (0, 1), odd, strict=True):
        if bad is None:
            continue
        changed = [x.copy() for x in arrays]
        changed[at][30, 2] = bad
        assert short(*map(as_given, changed), True) is None
        with pytest.raises(DomainError, match=rf"{name} is {bad:g} at position \(30, 2\)"):
            loss.value_and_gradient(*map(as_given, changed))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_with_bounds(dtype):
    torch = pytest.importorskip("torch")
    loss = lm.BinaryCrossEntropy()
    x = torch.full((2000,), 0.5, dtype=getattr(torch, dtype))
    pairs = [(x, x)] if dtype == "bfloat16" else [(x, x), (x.numpy(), x.numpy())]
    for prediction, target in pairs:
        value, gradient = loss._quick(prediction, target, True)
        assert float(value) == pytest.approx(np.log(2))
        assert gradient.dtype == prediction.dtype
        prediction[1999] = 1.5
        assert loss._quick(prediction, target, True) is None
        with pytest.raises(DomainError, match=r"prediction is 1.5 at position 1999"):
            loss(prediction, target)
        prediction[1999] = 0.5
    assert loss._quick([0.5], [0.5], True) is None


@pytest.mark.parametrize(
    ("domain", "bad", "good"),
    [
        ({"low": 0.0, "high": 1.0}, (-1e-7, 1.0000001, -np.inf, np.inf), (0.0, -0.0, 1.0, 0.5)),
        ({"low": 0.0, "low_included": False}, (0.0, -0.0, -1e-30), (1e-30, np.inf)),
        (
            {"low": 0.0, "high": 1.0, "low_included": False, "high_included": False, "excluded": 0.5},
            (0.0, 1.0, 0.5),
            (0.25,),
        ),
        ({"low": -1.0, "high": 1.0, "slack": 0.01}, (-1.02, 1.02), (-1.009, 1.009)),
        ({"excluded": 0.0}, (0.0,), (-np.inf, np.inf, 1e-30)),
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_limits_are_those_of_the_domain(domain, bad, good, dtype):
    """Wherever in its blocks an element lies; the domain itself judges."""
    domain = Domain(role="values", **domain)
    limits = elementwise.limits_of(domain)
    call = elementwise.Call(elementwise.find(lm.SquaredError.definition), (), False, lambda p, t: None)
    for number, admitted in [(np.nan, True), *((x, False) for x in bad), *((x, True) for x in good)]:
        for at in (0, 15, 1023, 1024, 2050):
            x, y = np.full(2051, good[0], dtype), np.zeros(2051, dtype)
            x[at] = number
            assert domain.admits(x) is admitted
            for pair, arrays in (((limits, None), (x, y)), ((None, limits), (y, x))):
                total, _ = elementwise.total(call._replace(limits=pair), native.CODES[x.dtype], *arrays, False)
                unlimited, _ = elementwise.total(call, native.CODES[x.dtype], *arrays, False)
                np.testing.assert_equal(total, unlimited if admitted else np.nan)


def odd_pairs():
    x = np.linspace(-1, 1, 12, dtype=np.float32)
    yield "shapes", x, x[:6]
    yield "dtypes", x, x.astype(np.float64)
    yield "integers", x, np.arange(12)
    yield "strides", x[::2], x[:6]
    yield "NaN", np.where(x > 0.9, np.nan, x).astype(np.float32), x
    yield "empty", x[:0], x[:0]
    yield "list", x.tolist(), x
    yield "byte order", x.astype(">f4"), x.astype(">f4")


@pytest.mark.parametrize("case", list(odd_pairs()), ids=lambda case: case[0])
@pytest.mark.parametrize("tensors", [False, True])
def test_elementwise_losses_leave_alone_what_is_not_ordinary(case, tensors):
    _, prediction, target = case
    if tensors:
        torch = pytest.importorskip("torch")
        if not all(isinstance(x, np.ndarray) and x.dtype.isnative for x in (prediction, target)):
            pytest.skip("no tensor of that kind")
        prediction, target = torch.from_numpy(prediction), torch.from_numpy(target)
    loss = lm.SquaredError()
    assert quick.find(loss.definition, loss._parameters, loss._settings)(prediction, target, True) is None


def test_the_objects_take_the_short_way():
    """Pickled and copied, too; an object that was pickled where there is a core works where there is none."""
    x, y = batch()
    loss = lm.SoftmaxCrossEntropy()
    short = []
    loss._quick = lambda *arrays: short.append(arrays)
    value, _ = loss.value_and_gradient(x, y)
    assert len(short) == 1
    assert loss(x, y) == pytest.approx(value, rel=1e-6)
    assert [wanted for *_, wanted in short] == [True, False]
    loss.value_and_gradient(x, y, weight=np.ones(32))
    loss(x, y, weight=np.ones(32))
    assert len(short) == 2
    assert b"quick" not in pickle.dumps(loss)
    assert pickle.loads(pickle.dumps(loss)).value_and_gradient(x, y)[0] == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("loss", [lm.SoftmaxCrossEntropy(), lm.SoftmaxCrossEntropy(z_loss=0.1, reduction="none")])
def test_what_belongs_into_a_graph(loss):
    """A value does; value_and_gradient records nothing, by whatever way it goes."""
    torch = pytest.importorskip("torch")
    x, y = (torch.from_numpy(a) for a in batch())
    x.requires_grad_()
    assert loss(x, y).requires_grad
    for arguments in ((x, y), (x.double(), y), (x[:, ::2], y % 5)):
        assert not any(result.requires_grad for result in loss.value_and_gradient(*arguments))


@pytest.mark.parametrize(
    ("weight", "error", "message"),
    [
        ([1.0, -1.0, 1.0], InputError, r"class_weight is -1 at position 1"),
        (np.array([1.0, np.inf, 1.0]), InputError, r"class_weight is inf at position 1"),
        ([1.0, 1.0], ShapeError, r"class_weight has shape \(2,\)"),
        ([[1.0], [1.0, 2.0]], InputError, "class_weight"),
    ],
    ids=["negative", "infinite", "short", "ragged"],
)
@pytest.mark.parametrize("tensors", [False, True])
def test_class_weights_that_are_no_factors_are_for_the_long_way(weight, error, message, tensors):
    x, y = batch(classes=3)
    if tensors:
        torch = pytest.importorskip("torch")
        x, y = torch.from_numpy(x), torch.from_numpy(y)
    loss = lm.SoftmaxCrossEntropy(class_weight=weight)
    assert loss._quick(x, y, True) is None
    with pytest.raises(error, match=message):
        loss(x, y)


def test_class_weights_are_those_of_the_call():
    """An array that is changed after the object was made counts as it is now, as it does the long way."""
    x, y = batch(classes=3)
    weight = np.array([1.0, 2.0, 3.0], np.float32)
    loss = lm.SoftmaxCrossEntropy(class_weight=weight)
    before = loss(x, y)
    weight[:] = 0.0, 1.0, 0.0
    assert loss(x, y) == pytest.approx(loss(x[y == 1], y[y == 1]))
    assert loss(x, y) != before
    weight[:] = 0.0
    assert loss(x, y) == 0.0


CALLS = [
    (lm.huber, {"delta": 2.0}),
    (lm.huber, {"delta": 2, "reduction": "sum"}),
    (lm.softmax_cross_entropy, {"label_smoothing": 0.1}),
    (lm.softmax_cross_entropy, {"ignore_index": 1, "reduction": "sum"}),
    (lm.sigmoid_cross_entropy, {"pos_weight": 3.0, "label_smoothing": 0.1}),
]


@pytest.mark.parametrize(("function", "settings"), CALLS, ids=lambda x: getattr(x, "__name__", str(x)))
def test_functions_with_settings_take_the_short_way(function, settings, monkeypatch):
    x, labels = batch()
    y = labels if function is lm.softmax_cross_entropy else (x > 0).astype(np.float32)
    loss = function.definition
    parameters = {k: v for k, v in settings.items() if k in loss.defaults}
    options = {k: v for k, v in settings.items() if k not in loss.defaults}
    expected = call(loss, x, y, parameters=loss.resolve(parameters), kernels=False, **options)
    monkeypatch.setattr(api, "call", None)  # the long way
    for _ in range(2):
        assert function(x, y, **settings) == pytest.approx(expected, rel=2e-6)


@pytest.mark.parametrize(
    "settings",
    [
        {"delta": -1.0},
        {"delta": True},
        {"delta": "1"},
        {"delta": 2.0, "empty": "never"},
        {"delta": 2.0, "reduction": "average"},
        {"delt": 2.0},
        {"ignore_index": 1},
    ],
    ids=str,
)
def test_functions_say_what_is_wrong_with_a_setting_each_time(settings):
    """Also after a call whose settings are equal but of another type: 1.0 and True."""
    x = np.linspace(-3, 3, 12, dtype=np.float32)
    lm.huber(x, -x, delta=1.0)
    for _ in range(2):
        with pytest.raises(LossmithError, match="|".join(settings)):
            lm.huber(x, -x, **settings)


def test_a_number_that_varies_does_not_fill_the_memory():
    x = np.linspace(-3, 3, 12, dtype=np.float32)
    shortcuts = api._Shortcuts(lm.Huber.definition)
    for k in range(1, 200):
        short = shortcuts.find("mean", {"delta": k / 10})
        assert short is None or short(x, -x, False)[0] == lm.huber(x, -x, delta=k / 10)
    assert len(shortcuts._found) == shortcuts._MOST
    assert shortcuts.find("mean", {"delta": 0.1}) is not None
    assert shortcuts.find("mean", {"delta": x}) is None
