// Whole calls on a framework's own tensors, for those who have looked at nothing but the Python types: shapes, dtypes and
// layout are read here, the results are made here. At a batch of ten rows this is most of what a call costs.
//
// A function returns (value, gradient or None), or None for whatever it does not take; then nothing has happened.
#include <cstdint>
#include <limits>
#include <memory>
#include <new>

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

// A tensor as the framework describes it, if it lies in memory in C order.
struct View {
  dltensor tensor;
  std::int64_t count = 1;

  bool read(const ExchangeInterface &api, nb::handle object) {
    if (api.view_object(object.ptr(), &tensor) != 0) {
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

Owned pooled(const dltensor &like, std::size_t bytes) {
  auto made = std::make_unique<PooledTensor>();
  made->shape_and_strides = std::make_unique<std::int64_t[]>(2 * like.ndim);
  made->block = take_gradient_block(bytes);
  if (made->block == nullptr) throw std::bad_alloc();
  std::int64_t *const shape = made->shape_and_strides.get(), *const strides = shape + like.ndim;
  std::int64_t stride = 1;
  for (std::int32_t i = like.ndim - 1; i >= 0; --i) {
    shape[i] = like.shape[i];
    strides[i] = stride;
    stride *= like.shape[i];
  }
  ManagedTensor &managed = made->managed;
  managed.tensor = like;
  managed.tensor.data = made->block->memory;
  managed.tensor.byte_offset = 0;
  managed.tensor.shape = shape;
  managed.tensor.strides = strides;
  managed.context = made.get();
  managed.deleter = [](ManagedTensor *self) {
    auto *const whole = static_cast<PooledTensor *>(self->context);
    give_back(whole->block);
    delete whole;
  };
  return Owned(&made.release()->managed);
}

void set_error(void *, const char *, const char *message) { PyErr_SetString(PyExc_MemoryError, message); }

Owned allocate(const ExchangeInterface &api, const dltensor &like) {
  std::int64_t bytes = like.dtype.bits / 8;
  for (std::int32_t i = 0; i < like.ndim; ++i) bytes *= like.shape[i];
  if (bytes >= pooled_bytes) return pooled(like, static_cast<std::size_t>(bytes));
  dltensor prototype = like;
  ManagedTensor *made = nullptr;
  if (api.allocate(&prototype, &made, nullptr, &set_error) != 0) throw nb::python_error();
  return Owned(made);
}

nb::object object_of(const ExchangeInterface &api, Owned tensor) {
  void *object = nullptr;
  if (api.make_object(tensor.release(), &object) != 0) throw nb::python_error();
  return nb::steal(static_cast<PyObject *>(object));
}

// The value as a tensor without axes, in the dtype computed in.
nb::object scalar(const ExchangeInterface &api, const dltensor &like, double value) {
  const bool wide = like.dtype.bits == 64;
  dltensor prototype;
  prototype.device = like.device;
  prototype.dtype = {static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float), static_cast<std::uint8_t>(wide ? 64 : 32), 1};
  Owned made = allocate(api, prototype);
  if (wide)
    *static_cast<double *>(made->tensor.data) = value;
  else
    *static_cast<float *>(made->tensor.data) = static_cast<float>(value);
  return object_of(api, std::move(made));
}

struct Softmax {
  const View &logits, &labels;
  void *gradient;
  bool mean, ignores;
  std::int64_t ignored;
  const Pointer &class_weight;
  double label_smoothing, z_loss;
  std::uint64_t exec;

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
    nb::gil_scoped_release released;
    return softmax_cross_entropy(call, exec_from(exec));
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

nb::object softmax(std::uint64_t interface, std::uint64_t exec, nb::handle input, nb::handle target, bool gradient,
                   bool mean, bool ignores, std::int64_t ignored, const Pointer &class_weight, double label_smoothing,
                   double z_loss) {
  const auto &api = *reinterpret_cast<const ExchangeInterface *>(interface);
  View logits, labels;
  if (!logits.read(api, input) || !labels.read(api, target)) return nb::none();
  const int dtype = logits.floating();
  if (dtype < 0 || logits.tensor.ndim != 2 || !labels.is(nb::dlpack::dtype_code::Int, 64)) return nb::none();
  if (labels.tensor.ndim != 1 || labels.count != logits.tensor.shape[0]) return nb::none();
  Owned slope;
  if (gradient) slope = allocate(api, logits.tensor);
  const Softmax call{logits, labels, gradient ? slope->tensor.data : nullptr, mean, ignores, ignored, class_weight,
                     label_smoothing, z_loss, exec};
  const SoftmaxOutcome outcome = call.run(dtype);
  if (outcome.out_of_memory) throw std::bad_alloc();
  if (outcome.bad_row >= 0 || outcome.bad_weight) return nb::none();
  const double nothing = std::numeric_limits<double>::quiet_NaN();
  const double value = !mean ? outcome.total : outcome.count != 0.0 ? outcome.total / outcome.count : nothing;
  return nb::make_tuple(scalar(api, logits.tensor, value),
                        gradient ? object_of(api, std::move(slope)) : nb::object(nb::none()));
}

nb::object elementwise_call(std::uint64_t interface, std::uint64_t exec, int loss, const nb::tuple &parameters,
                            nb::handle input, nb::handle target, bool gradient, bool mean, nb::handle limits) {
  const auto &api = *reinterpret_cast<const ExchangeInterface *>(interface);
  View prediction, truth;
  if (!prediction.read(api, input) || !truth.read(api, target)) return nb::none();
  const int type = prediction.floating(), truth_type = truth.element(), wide = static_cast<int>(ElementType::f64);
  if (type < 0 || truth_type < 0 || (truth_type == wide && type != wide)) return nb::none();
  if (prediction.tensor.ndim != truth.tensor.ndim) return nb::none();
  for (std::int32_t i = 0; i < truth.tensor.ndim; ++i)
    if (prediction.tensor.shape[i] != truth.tensor.shape[i]) return nb::none();
  const LimitsPair allowed(limits);
  double numbers[most_parameters] = {};
  fill_parameters(numbers, parameters);
  Owned slope;
  if (gradient) slope = allocate(api, prediction.tensor);
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
  call.exec = exec_from(exec);
  double total = 0.0;
  ElementwiseStatus status;
  {
    nb::gil_scoped_release released;
    status = elementwise(call, total);
  }
  if (status == ElementwiseStatus::no_memory) throw std::bad_alloc();
  if (status == ElementwiseStatus::unsupported) return nb::none();
  return nb::make_tuple(scalar(api, prediction.tensor, mean ? total / static_cast<double>(prediction.count) : total),
                        gradient ? object_of(api, std::move(slope)) : nb::object(nb::none()));
}

// Where the interface of a framework's capsule lies, or 0 if it speaks another version.
std::uint64_t exchange_interface(nb::handle capsule) {
  void *const found = PyCapsule_GetPointer(capsule.ptr(), "dlpack_exchange_api");
  if (found == nullptr) {
    PyErr_Clear();
    return 0;
  }
  const auto *api = static_cast<const ExchangeInterface *>(found);
  while (api != nullptr && api->major != 1) api = api->previous;
  if (api == nullptr || api->allocate == nullptr || api->make_object == nullptr || api->view_object == nullptr) return 0;
  return reinterpret_cast<std::uint64_t>(api);
}

} // namespace

void register_tensors(nb::module_ &module) {
  module.def("exchange_interface", &exchange_interface, "capsule"_a,
             "The address of a framework's DLPack exchange interface, or 0 for a version that we do not speak.");
  module.def("softmax_tensors", &softmax, "interface"_a, "exec"_a, "input"_a, "target"_a, "gradient"_a, "mean"_a,
             "ignores"_a, "ignored"_a, "class_weight"_a.none(), "label_smoothing"_a, "z_loss"_a,
             "Softmax cross-entropy of logits (N, C) and labels (N,): (value, gradient), or None.");
  module.def("elementwise_tensors", &elementwise_call, "interface"_a, "exec"_a, "loss"_a, "parameters"_a, "input"_a,
             "target"_a, "gradient"_a, "mean"_a, "limits"_a.none() = nb::none(),
             "An elementwise loss of two tensors: (value, gradient), or None.");
}

} // namespace lossmith
