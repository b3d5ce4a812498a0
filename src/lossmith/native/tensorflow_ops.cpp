// TensorFlow's operations for softmax cross-entropy with class indices, in the library _tensorflow, which
// tf.load_op_library loads; those of the other losses are in tensorflow_rows.cpp.
//
// Loading it registers four operations, or none where TensorFlow's C API is not what we know:
//   LossmithSoftmaxCrossEntropy(logits (…, C), labels (…)) -> values (…)
//   LossmithSoftmaxCrossEntropyGradient(logits, labels, scale (…)) -> values, gradient (…, C) times scale
//   LossmithSoftmaxCrossEntropyAhead(logits, labels) -> values, ahead (…, C): the gradient of the mean of the values
//   LossmithSoftmaxCrossEntropyBackward(logits, labels, ahead, cotangent (…)) -> gradient times cotangent
// The last two are for training: one pass over the logits gives both, and Backward has nothing left to do if the mean
// is what is differentiated, and otherwise multiplies rows.
// All have label smoothing, the factor of the z-loss and the focal loss' exponent as attributes: the bits of a double in
// an int, because an attribute of type float has only 24 of its 53 digits. A row whose label is out of range has the value NaN and the
// gradient 0, as in the formula. The kernels themselves are in _core, which hands over their addresses after loading.
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <vector>

#include "tensorflow_kernels.hpp"

namespace lossmith {
namespace {

using tf::api, tf::Call, tf::Element, tf::elements, tf::Failure, tf::gradient_output, tf::kernels, tf::OwnStatus,
    tf::OwnTensor;

enum class Op { values, gradient, ahead, backward };

struct Attributes {
  double label_smoothing = 0.0, z_loss = 0.0, focal = 0.0;
};

// Logits and labels of a call, seen to fit each other.
struct Rows {
  Rows(Call &call, const Element &element, const Attributes &attributes)
      : logits(call.input(0)), labels(call.input(1)), shape(logits.sizes()) {
    if (kernels == nullptr) throw Failure{tf::failed_precondition, "lossmith's kernels are not loaded"};
    if (shape.empty()) throw Failure{tf::invalid_argument, "logits have no axis for the classes"};
    leading.assign(shape.begin(), shape.end() - 1);
    check("labels must have the shape of logits without the last axis", labels);
    request.dtype = element.dtype;
    request.rows = 1;
    for (const std::int64_t size : leading) request.rows *= size;
    request.classes = shape.back();
    request.logits = logits.data<void>();
    request.labels = labels.data<std::int64_t>();
    request.label_smoothing = attributes.label_smoothing;
    request.z_loss = attributes.z_loss;
    request.focal = attributes.focal;
  }

  void check(const char *message, const OwnTensor &tensor) const {
    if (tensor.sizes() != leading) throw Failure{tf::invalid_argument, message};
  }

  OwnTensor logits, labels;
  Call::Sizes shape, leading;
  SoftmaxRequest request;
};

// The second time around, with bad rows left out, after the kernel refused the labels.
void compute_good_rows(SoftmaxRequest &request, const Element &element) {
  std::vector<std::uint8_t> keep(static_cast<std::size_t>(request.rows));
  for (std::int64_t row = 0; row < request.rows; ++row)
    keep[static_cast<std::size_t>(row)] = request.labels[row] >= 0 && request.labels[row] < request.classes;
  request.keep = keep.data();
  if (kernels->softmax(request, kernels->exec).out_of_memory) throw std::bad_alloc();
  for (std::int64_t row = 0; request.values != nullptr && row < request.rows; ++row) {
    if (keep[static_cast<std::size_t>(row)]) continue;
    if (element.values == tf::float64)
      static_cast<double *>(request.values)[row] = std::numeric_limits<double>::quiet_NaN();
    else
      static_cast<float *>(request.values)[row] = std::numeric_limits<float>::quiet_NaN();
  }
}

void compute(SoftmaxRequest &request, const Element &element) {
  const SoftmaxOutcome outcome = kernels->softmax(request, kernels->exec);
  if (outcome.out_of_memory) throw std::bad_alloc();
  if (outcome.bad_row >= 0) compute_good_rows(request, element);
}

// Values, and what else one pass over the logits gives.
template <Op op> void run_forward(Call &call, const Element &element, const Attributes &attributes) {
  Rows rows(call, element, attributes);
  SoftmaxRequest &request = rows.request;
  const OwnTensor values = call.output(0, element.values, rows.leading, request.rows * element.value_bytes);
  request.values = values.data<void>();
  if constexpr (op == Op::values) return compute(request, element);
  const OwnTensor gradient = gradient_output(call, 1, element, rows.shape);
  request.gradient = gradient.data<void>();
  if constexpr (op == Op::ahead) {
    request.factor = request.rows > 0 ? 1.0 / static_cast<double>(request.rows) : 1.0;
    return compute(request, element);
  }
  const OwnTensor scale = call.input(2);
  rows.check("scale must have the shape of the labels", scale);
  request.scale = scale.data<void>();
  compute(request, element);
}

template <typename T> void run_backward(Call &call, const Element &element, Rows &rows, const T *cotangent) {
  SoftmaxRequest &request = rows.request;
  tf::finish(call, element, {2, rows.shape, request.rows, request.classes, request.rows}, cotangent, [&] {
    request.scale = cotangent;
    const OwnTensor gradient = gradient_output(call, 0, element, rows.shape);
    request.gradient = gradient.data<void>();
    compute(request, element);
  });
}

void run_backward(Call &call, const Element &element, const Attributes &attributes) {
  Rows rows(call, element, attributes);
  const OwnTensor cotangent = call.input(3);
  rows.check("cotangent must have the shape of the labels", cotangent);
  if (call.input(2).sizes() != rows.shape) throw Failure{tf::invalid_argument, "ahead must have the shape of logits"};
  if (element.values == tf::float64)
    run_backward(call, element, rows, cotangent.data<const double>());
  else
    run_backward(call, element, rows, cotangent.data<const float>());
}

template <Op op, int element> void compute_op(void *kernel, tf::Context *context) {
  Call(context).run([&](Call &call) {
    const auto &attributes = *static_cast<const Attributes *>(kernel);
    if constexpr (op == Op::backward)
      run_backward(call, elements[element], attributes);
    else
      run_forward<op>(call, elements[element], attributes);
  });
}

void *create(tf::Construction *construction) {
  OwnStatus status;
  std::int64_t bits[3] = {};
  api.int64_attribute(construction, "label_smoothing_bits", &bits[0], status);
  if (status.good()) api.int64_attribute(construction, "z_loss_bits", &bits[1], status);
  if (status.good()) api.int64_attribute(construction, "focal_bits", &bits[2], status);
  auto *const made = status.good() ? new (std::nothrow) Attributes : nullptr;
  if (made == nullptr) {
    if (status.good()) status.set(tf::resource_exhausted, "no memory for a kernel of lossmith");
    api.fail_construction(construction, status);
    return nullptr;
  }
  std::memcpy(&made->label_smoothing, &bits[0], sizeof bits[0]);
  std::memcpy(&made->z_loss, &bits[1], sizeof bits[1]);
  std::memcpy(&made->focal, &bits[2], sizeof bits[2]);
  return made;
}

void destroy(void *kernel) { delete static_cast<Attributes *>(kernel); }

// values: the shape of logits without the last axis; a gradient: the shape of logits.
template <Op op> void infer_shapes(tf::ShapeContext *context, tf::Status *status) {
  tf::Shape *const logits = api.new_shape(), *const values = api.new_shape();
  const auto good = [&] { return api.code(status) == tf::ok; };
  api.input_shape(context, 0, logits, status);
  if (good()) api.with_rank_at_least(context, logits, 1, logits, status);
  if (good()) api.subshape(context, logits, 0, -1, values, status);
  if (good()) api.set_output_shape(context, 0, op == Op::backward ? logits : values, status);
  if ((op == Op::gradient || op == Op::ahead) && good()) api.set_output_shape(context, 1, logits, status);
  api.delete_shape(logits);
  api.delete_shape(values);
}

template <Op op> void register_definition(const char *name, const OwnStatus &status) {
  tf::OpDefinition *const made = api.new_op(name);
  api.add_attribute(made, "T: {float, double, bfloat16, half}");
  api.add_attribute(made, "U: {float, double}");
  api.add_attribute(made, "label_smoothing_bits: int = 0");
  api.add_attribute(made, "z_loss_bits: int = 0");
  api.add_attribute(made, "focal_bits: int = 0");
  api.add_input(made, "logits: T");
  api.add_input(made, "labels: int64");
  if (op == Op::gradient) api.add_input(made, "scale: U");
  if (op == Op::backward) api.add_input(made, "ahead: T");
  if (op == Op::backward) api.add_input(made, "cotangent: U");
  if (op != Op::backward) api.add_output(made, "values: U");
  if (op == Op::ahead) api.add_output(made, "ahead: T");
  if (op == Op::gradient || op == Op::backward) api.add_output(made, "gradient: T");
  api.set_shape_function(made, infer_shapes<op>);
  api.register_op(made, status);
}

template <Op op, int element> void register_kernel(const char *name, const OwnStatus &status) {
  tf::KernelBuilder *const kernel = api.new_kernel(name, "CPU", create, compute_op<op, element>, destroy);
  api.constrain(kernel, "T", elements[element].type, status);
  if (status.good()) api.constrain(kernel, "U", elements[element].values, status);
  if (status.good()) api.register_kernel(name, kernel, status);
}

template <Op op> bool register_op(const char *name) {
  const OwnStatus status;
  register_kernel<op, 0>(name, status);
  if (status.good()) register_kernel<op, 1>(name, status);
  if (status.good()) register_kernel<op, 2>(name, status);
  if (status.good()) register_kernel<op, 3>(name, status);
  if (status.good()) register_definition<op>(name, status);
  return status.good();
}

// In this order: Python takes the library for complete when it finds the last one.
[[maybe_unused]] const bool registered =
    tf::find(api) && tf::register_row_losses() &&
    register_op<Op::gradient>("LossmithSoftmaxCrossEntropyGradient") &&
    register_op<Op::ahead>("LossmithSoftmaxCrossEntropyAhead") &&
    register_op<Op::backward>("LossmithSoftmaxCrossEntropyBackward") &&
    register_op<Op::values>("LossmithSoftmaxCrossEntropy");

} // namespace
} // namespace lossmith

// Called once after loading with what _core.tensorflow_table() returns.
extern "C" __attribute__((visibility("default"))) void lossmith_lend_kernels(const lossmith::KernelTable *table) {
  lossmith::tf::kernels = table;
}
