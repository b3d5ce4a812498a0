// Whole calls on a framework's own tensors, for those who have looked at nothing but the Python types: shapes, dtypes and
// layout are read here, the results are made here. At a batch of ten rows this is most of what a call costs.
//
// A function returns (value, gradient or None), or None for whatever it does not take; then nothing has happened. It does
// not take what another than the caller looks on at or transforms; `watch_torch` says whom to ask.
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <optional>

#include "bindings.hpp"
#include "elementwise.hpp"
#include "elementwise_losses.hpp"
#include "exchange.hpp"
#include "gradient_memory.hpp"
#include "softmax_cross_entropy.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using nb::dlpack::dltensor;

namespace lossmith {
namespace {

constexpr std::int32_t cpu = 1;

// Letting other threads run takes longer than computing this many elements does.
constexpr std::int64_t few_elements = 1 << 11;

// What PyTorch has told about itself; see watch_torch. Never given back: calls may come while the process ends.
struct Torch {
  const ExchangeInterface *api = nullptr;
  std::uint64_t exec = 0;
  PyObject *plain_types[2] = {}; // of which a tensor is one like any other
  PyObject *questions = nullptr; // a tuple of functions: what each returns is false where nothing looks on
  PyObject *hooks = nullptr;     // a function of False, which returns None where there are none
  PyObject *forward_ad = nullptr, *level = nullptr; // a module's names, and the one that is -1 without forward mode
  PyObject *is_negative = nullptr;                  // the name of a tensor's method
  PyObject *no = nullptr;                           // False
};
Torch torch;

// The answer of a call as a bool, where a Python error is `otherwise`.
bool is_true(PyObject *answer, bool otherwise) {
  const int found = answer == nullptr ? -1 : PyObject_IsTrue(answer);
  Py_XDECREF(answer);
  if (found >= 0) return found != 0;
  PyErr_Clear();
  return otherwise;
}

bool torch_is_quiet() {
  if (torch.api == nullptr) return false;
  for (Py_ssize_t i = 0; i < PyTuple_Size(torch.questions); ++i)
    if (is_true(PyObject_CallNoArgs(PyTuple_GetItem(torch.questions, i)), true)) return false;
  PyObject *const level = PyDict_GetItemWithError(torch.forward_ad, torch.level); // borrowed
  if (level == nullptr || PyLong_AsLong(level) >= 0) {
    PyErr_Clear();
    return false;
  }
  PyObject *const hooks = PyObject_Vectorcall(torch.hooks, &torch.no, 1, nullptr);
  if (hooks == nullptr) PyErr_Clear();
  Py_XDECREF(hooks);
  return hooks == Py_None;
}

// Whether this is a tensor like any other, as far as a View does not see.
bool ordinary(nb::handle x) {
  PyObject *const type = reinterpret_cast<PyObject *>(Py_TYPE(x.ptr()));
  if (type != torch.plain_types[0] && type != torch.plain_types[1]) return false;
  PyObject *const self = x.ptr();
  return !is_true(PyObject_VectorcallMethod(torch.is_negative, &self, 1, nullptr), true);
}

// A tensor as the framework describes it, if it lies in memory in C order.
struct View {
  dltensor tensor;
  std::int64_t count = 1;

  bool read(nb::handle object) {
    if (!ordinary(object)) return false;
    if (torch.api->view_object(object.ptr(), &tensor) != 0) {
      PyErr_Clear(); // a wrapper, a sparse tensor, …
      return false;
    }
    if (tensor.device.device_type != cpu || tensor.dtype.lanes != 1) return false;
    for (std::int32_t i = tensor.ndim - 1; i >= 0; --i) {
      if (tensor.strides != nullptr && tensor.shape[i] > 1 && tensor.strides[i] != count) return false;
      count *= tensor.shape[i];
    }
    return count > 0;
  }

  bool is(nb::dlpack::dtype_code code, int bits) const {
    return tensor.dtype.code == static_cast<std::uint8_t>(code) && tensor.dtype.bits == bits;
  }

  // The kernels' number for the dtype, or -1.
  int floating() const {
    if (is(nb::dlpack::dtype_code::Float, 32)) return static_cast<int>(DType::float32);
    if (is(nb::dlpack::dtype_code::Float, 64)) return static_cast<int>(DType::float64);
    if (is(nb::dlpack::dtype_code::Bfloat, 16)) return static_cast<int>(DType::bfloat16);
    if (is(nb::dlpack::dtype_code::Float, 16)) return static_cast<int>(DType::float16);
    return -1;
  }

  // The same for the elementwise losses, which take whole numbers as targets, too.
  int element() const {
    if (is(nb::dlpack::dtype_code::Int, 64)) return static_cast<int>(ElementType::i64);
    if (is(nb::dlpack::dtype_code::Int, 32)) return static_cast<int>(ElementType::i32);
    if (is(nb::dlpack::dtype_code::UInt, 8) || is(nb::dlpack::dtype_code::Bool, 8))
      return static_cast<int>(ElementType::u8);
    return floating();
  }

  template <typename T> T *data() const {
    return reinterpret_cast<T *>(static_cast<char *>(tensor.data) + tensor.byte_offset);
  }
};

struct Deleter {
  void operator()(ManagedTensor *tensor) const {
    if (tensor->deleter != nullptr) tensor->deleter(tensor);
  }
};
using Owned = std::unique_ptr<ManagedTensor, Deleter>;

// A gradient in the memory of gradient_memory.hpp, with the shape that its tensor points to.
struct PooledTensor {
  ManagedTensor managed;
  GradientBlock *block = nullptr;
  std::unique_ptr<std::int64_t[]> shape_and_strides;
};

// Fills in a tensor in C order, like another one but at `data`; `shape` has room for the shape and the strides.
void describe(ManagedTensor &managed, const dltensor &like, std::int64_t *shape, void *data) {
  std::int64_t *const strides = shape + like.ndim;
  std::int64_t stride = 1;
  for (std::int32_t i = like.ndim - 1; i >= 0; --i) {
    shape[i] = like.shape[i];
    strides[i] = stride;
    stride *= like.shape[i];
  }
  managed.tensor = like;
  managed.tensor.data = data;
  managed.tensor.byte_offset = 0;
  managed.tensor.shape = shape;
  managed.tensor.strides = strides;
}

Owned pooled(const dltensor &like, std::size_t bytes) {
  auto made = std::make_unique<PooledTensor>();
  made->shape_and_strides = std::make_unique<std::int64_t[]>(2 * like.ndim);
  made->block = take_gradient_block(bytes);
  if (made->block == nullptr) throw std::bad_alloc();
  ManagedTensor &managed = made->managed;
  describe(managed, like, made->shape_and_strides.get(), made->block->memory);
  managed.context = made.get();
  managed.deleter = [](ManagedTensor *self) {
    auto *const whole = static_cast<PooledTensor *>(self->context);
    give_back(whole->block);
    delete whole;
  };
  return Owned(&made.release()->managed);
}

// A tensor of few bytes, its elements in the same piece of memory behind it: what PyTorch's own allocation takes on top
// of the system's is more than a small loss.
struct alignas(64) SmallTensor {
  ManagedTensor managed;
};

Owned small(const dltensor &like, std::size_t bytes) {
  constexpr std::size_t line = alignof(SmallTensor), page = 4096;
  const std::size_t shape_bytes = (2 * like.ndim * sizeof(std::int64_t) + line - 1) / line * line;
  const std::size_t header = sizeof(SmallTensor) + shape_bytes, room = bytes < 4 * page ? 0 : page;
  auto *const memory = static_cast<char *>(::operator new(header + bytes + room, std::align_val_t{line}));
  char *data = memory + header;
  if (room > 0) { // see gradient_stagger
    const auto start = reinterpret_cast<std::uintptr_t>(like.data) + like.byte_offset + gradient_stagger;
    data += (start / line * line - reinterpret_cast<std::uintptr_t>(data)) % page;
  }
  auto *const made = new (memory) SmallTensor;
  describe(made->managed, like, reinterpret_cast<std::int64_t *>(memory + sizeof(SmallTensor)), data);
  made->managed.deleter = [](ManagedTensor *self) {
    ::operator delete(reinterpret_cast<void *>(self), std::align_val_t{alignof(SmallTensor)});
  };
  return Owned(&made->managed);
}

Owned allocate(const dltensor &like) {
  std::int64_t bytes = like.dtype.bits / 8;
  for (std::int32_t i = 0; i < like.ndim; ++i) bytes *= like.shape[i];
  return bytes >= pooled_bytes ? pooled(like, static_cast<std::size_t>(bytes)) : small(like, static_cast<std::size_t>(bytes));
}

nb::object object_of(Owned tensor) {
  void *object = nullptr;
  if (torch.api->make_object(tensor.release(), &object) != 0) throw nb::python_error();
  return nb::steal(static_cast<PyObject *>(object));
}

// The value as a tensor without axes, in the dtype computed in.
nb::object scalar(const dltensor &like, double value) {
  const bool wide = like.dtype.bits == 64;
  dltensor prototype;
  prototype.device = like.device;
  prototype.dtype = {static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float), static_cast<std::uint8_t>(wide ? 64 : 32), 1};
  Owned made = allocate(prototype);
  if (wide)
    *static_cast<double *>(made->tensor.data) = value;
  else
    *static_cast<float *>(made->tensor.data) = static_cast<float>(value);
  return object_of(std::move(made));
}

nb::object both(const dltensor &like, double value, Owned gradient) {
  return nb::make_tuple(scalar(like, value), gradient ? object_of(std::move(gradient)) : nb::object(nb::none()));
}

struct Softmax {
  const View &logits, &labels;
  void *gradient;
  bool mean, ignores;
  std::int64_t ignored;
  const Pointer &class_weight;
  double label_smoothing, z_loss;

  template <typename Storage> SoftmaxOutcome run() const {
    SoftmaxCrossEntropy<Storage> call;
    call.rows = logits.tensor.shape[0];
    call.classes = logits.tensor.shape[1];
    call.logits = logits.data<const Storage>();
    call.labels = labels.data<const std::int64_t>();
    call.ignores = ignores;
    call.ignored = ignored;
    call.mean = mean;
    call.class_weight = class_weight.get<const Compute<Storage>>("class_weight", call.classes);
    call.label_smoothing = label_smoothing;
    call.z_loss = z_loss;
    call.gradient = static_cast<Storage *>(gradient);
    std::optional<nb::gil_scoped_release> released;
    if (logits.count > few_elements) released.emplace();
    return softmax_cross_entropy(call, exec_from(torch.exec));
  }

  SoftmaxOutcome run(int dtype) const {
    switch (static_cast<DType>(dtype)) {
    case DType::float32: return run<float>();
    case DType::float64: return run<double>();
    case DType::bfloat16: return run<BFloat16>();
    default: return run<Float16>();
    }
  }
};

nb::object softmax(nb::handle input, nb::handle target, bool gradient, bool mean, bool ignores, std::int64_t ignored,
                   const Pointer &class_weight, double label_smoothing, double z_loss, bool healthy) {
  View logits, labels;
  if (!torch_is_quiet() || !logits.read(input) || !labels.read(target)) return nb::none();
  const int dtype = logits.floating();
  if (dtype < 0 || logits.tensor.ndim != 2 || !labels.is(nb::dlpack::dtype_code::Int, 64)) return nb::none();
  if (labels.tensor.ndim != 1 || labels.count != logits.tensor.shape[0]) return nb::none();
  Owned slope;
  if (gradient) slope = allocate(logits.tensor);
  const Softmax call{logits,       labels,          gradient ? slope->tensor.data : nullptr, mean, ignores, ignored,
                     class_weight, label_smoothing, z_loss};
  const SoftmaxOutcome outcome = call.run(dtype);
  if (outcome.out_of_memory) throw std::bad_alloc();
  if (outcome.bad_row >= 0 || outcome.bad_weight) return nb::none();
  const double nothing = std::numeric_limits<double>::quiet_NaN();
  const double value = !mean ? outcome.total : outcome.count != 0.0 ? outcome.total / outcome.count : nothing;
  if (healthy && std::isnan(value)) return nb::none();
  return both(logits.tensor, value, std::move(slope));
}

nb::object elementwise_call(int loss, const nb::tuple &parameters, nb::handle input, nb::handle target, bool gradient,
                            bool mean, nb::handle limits, bool healthy) {
  View prediction, truth;
  if (!torch_is_quiet() || !prediction.read(input) || !truth.read(target)) return nb::none();
  const int type = prediction.floating(), truth_type = truth.element(), wide = static_cast<int>(ElementType::f64);
  if (type < 0 || truth_type < 0 || (truth_type == wide && type != wide)) return nb::none();
  if (healthy && truth_type != type) return nb::none(); // the long way's result would have the wider one
  if (prediction.tensor.ndim != truth.tensor.ndim) return nb::none();
  for (std::int32_t i = 0; i < truth.tensor.ndim; ++i)
    if (prediction.tensor.shape[i] != truth.tensor.shape[i]) return nb::none();
  const LimitsPair allowed(limits);
  double numbers[most_parameters] = {};
  fill_parameters(numbers, parameters);
  Owned slope;
  if (gradient) slope = allocate(prediction.tensor);
  Elementwise call;
  call.loss = loss;
  call.parameters = numbers;
  call.count = prediction.count;
  call.prediction = {prediction.data<const char>(), static_cast<ElementType>(type)};
  call.target = {truth.data<const char>(), static_cast<ElementType>(truth_type)};
  call.prediction_limits = allowed.prediction();
  call.target_limits = allowed.target();
  call.scale = mean ? 1.0 / static_cast<double>(prediction.count) : 1.0;
  call.gradient = gradient ? slope->tensor.data : nullptr;
  call.exec = exec_from(torch.exec);
  double total = 0.0;
  ElementwiseStatus status;
  {
    std::optional<nb::gil_scoped_release> released;
    if (call.count > few_elements) released.emplace();
    status = elementwise(call, total);
  }
  if (status == ElementwiseStatus::no_memory) throw std::bad_alloc();
  if (status == ElementwiseStatus::unsupported || (healthy && std::isnan(total))) return nb::none();
  return both(prediction.tensor, mean ? total / static_cast<double>(prediction.count) : total, std::move(slope));
}

// Takes note of how to look at PyTorch's tensors, and of whom to ask whether a call may be taken; returns false for a
// version of the interface that we do not speak.
bool watch_torch(nb::handle capsule, std::uint64_t exec, const nb::tuple &plain_types, const nb::tuple &questions,
                 nb::object hooks, const nb::dict &forward_ad) {
  void *const found = PyCapsule_GetPointer(capsule.ptr(), "dlpack_exchange_api");
  if (found == nullptr) {
    PyErr_Clear();
    return false;
  }
  const auto *api = static_cast<const ExchangeInterface *>(found);
  while (api != nullptr && api->major != 1) api = api->previous;
  if (api == nullptr || api->make_object == nullptr || api->view_object == nullptr || plain_types.size() != 2) return false;
  for (std::size_t i = 0; i < 2; ++i) torch.plain_types[i] = nb::object(plain_types[i]).release().ptr();
  torch.questions = nb::object(questions).release().ptr();
  torch.hooks = hooks.release().ptr();
  torch.forward_ad = nb::object(forward_ad).release().ptr();
  torch.level = PyUnicode_InternFromString("_current_level");
  torch.is_negative = PyUnicode_InternFromString("is_neg");
  torch.no = Py_False;
  torch.exec = exec;
  torch.api = api;
  return true;
}

} // namespace

void register_tensors(nb::module_ &module) {
  module.def("watch_torch", &watch_torch, "capsule"_a, "exec"_a, "plain_types"_a, "questions"_a, "hooks"_a, "forward_ad"_a,
             "Take note of PyTorch's DLPack exchange interface, and of whom to ask before a call; False if we cannot.");
  module.def("torch_is_quiet", &torch_is_quiet, "Whether nothing looks on or transforms what this thread calls.");
  module.def("softmax_tensors", &softmax, "input"_a, "target"_a, "gradient"_a, "mean"_a, "ignores"_a, "ignored"_a,
             "class_weight"_a.none(), "label_smoothing"_a, "z_loss"_a, "healthy"_a = false,
             "Softmax cross-entropy of logits (N, C) and labels (N,): (value, gradient), or None; if healthy, of NaN, too.");
  module.def("elementwise_tensors", &elementwise_call, "loss"_a, "parameters"_a, "input"_a, "target"_a, "gradient"_a,
             "mean"_a, "limits"_a.none() = nb::none(), "healthy"_a = false,
             "An elementwise loss of two tensors: (value, gradient), or None; if healthy, of NaN and two dtypes, too.");
}

} // namespace lossmith
