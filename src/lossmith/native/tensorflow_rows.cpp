// TensorFlow's operations for the losses of two matrices, of single elements and of sequences, in the library
// _tensorflow.
//
// With prediction and target of one shape (…, C), and one value per row (…):
//   Lossmith<Family>(prediction, target) -> values
//   Lossmith<Family>Gradient(prediction, target, scale (…)) -> values, gradient (…, C) times scale
//   Lossmith<Family>Ahead(prediction, target) -> values, ahead (…, C): the gradient of the mean of the values
//   Lossmith<Family>Backward(prediction, target, ahead, cotangent (…)) -> gradient times cotangent
// The families are RowPairs, row_pairs.hpp; ElementRows, the sums of elementwise losses along rows, or their means with
// the attribute `mean`; Elements, one value per element, which has nothing computed ahead; Ctc, whose prediction is
// (…, T, C) and target (…, S + 2) as ctc_targets.hpp has it; and BatchRows, whose prediction are matrices (…, N, N) and
// target (…, N, 2) as batch_targets.hpp has it. "The mean" is that of all elements where rows are sums of
// them. Settings are attributes: the bits of a double in an int, because an
// attribute of type float has only 24 of its 53 digits; an elementwise loss is there by its name.
#include <array>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>

#include "tensorflow_kernels.hpp"

namespace lossmith {
namespace {

using tf::api, tf::Call, tf::Element, tf::elements, tf::Failure, tf::gradient_output, tf::kernels, tf::OwnStatus,
    tf::OwnTensor;

enum class Op { values, gradient, ahead, backward };

// One call, as all families have it.
struct Request {
  std::int64_t rows = 1, columns = 1;
  const void *prediction = nullptr, *target = nullptr, *scale = nullptr;
  double factor = 1.0; // of the gradient
  void *values = nullptr, *gradient = nullptr;
  Call::Sizes shape;                // of the prediction
  std::int64_t target_columns = 0; // the last axis of the target
};

double number_attribute(tf::Construction *construction, const char *name, const OwnStatus &status) {
  std::int64_t bits = 0;
  double number = 0.0;
  if (status.good()) api.int64_attribute(construction, name, &bits, status);
  std::memcpy(&number, &bits, sizeof number);
  return number;
}

struct RowPairsFamily {
  static constexpr int axes = 1, element_types = 2;
  static constexpr bool whole_target = true; // of the prediction's shape and the type computed in
  static constexpr const char *attributes[] = {"loss: int", "label_smoothing_bits: int = 0", "z_loss_bits: int = 0",
                                               "temperature_bits: int = 0", "beta_bits: int = 0"};
  PairsRequest settings;

  void read(tf::Construction *construction, OwnStatus &status) {
    std::int64_t loss = -1;
    api.int64_attribute(construction, "loss", &loss, status);
    settings.label_smoothing = number_attribute(construction, "label_smoothing_bits", status);
    settings.z_loss = number_attribute(construction, "z_loss_bits", status);
    settings.temperature = number_attribute(construction, "temperature_bits", status);
    settings.beta = number_attribute(construction, "beta_bits", status);
    if (status.good() && (loss < 0 || loss > static_cast<std::int64_t>(PairLoss::total_variation)))
      status.set(tf::invalid_argument, "there is no such loss of two matrices");
    settings.loss = static_cast<PairLoss>(loss);
  }

  std::int64_t summed(const Request &call) const { return call.rows; }

  void compute(const Element &element, const Request &call) const {
    PairsRequest request = settings;
    request.dtype = element.dtype;
    request.rows = call.rows;
    request.classes = call.columns;
    request.prediction = call.prediction;
    request.target = call.target;
    request.scale = call.scale;
    request.factor = call.factor;
    request.values = call.values;
    request.gradient = call.gradient;
    if (call.columns == 0) throw Failure{tf::invalid_argument, "there are no classes"};
    if (kernels->row_pairs(request, kernels->exec).out_of_memory) throw std::bad_alloc();
  }
};

template <int consumed> struct ElementsFamily {
  static constexpr int axes = consumed, element_types = 4;
  static constexpr bool whole_target = true;
  static constexpr const char *attributes[] = {"loss: string",     "q0_bits: int = 0", "q1_bits: int = 0",
                                               "q2_bits: int = 0", "q3_bits: int = 0", "mean: int = 0"};
  std::string loss;
  std::array<double, 4> parameters{};
  bool mean = false;

  void read(tf::Construction *construction, OwnStatus &status) {
    std::int32_t count = 0, bytes = 0;
    api.attribute_size(construction, "loss", &count, &bytes, status);
    loss.resize(status.good() && bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
    if (status.good()) api.string_attribute(construction, "loss", loss.data(), loss.size(), status);
    const char *const names[] = {"q0_bits", "q1_bits", "q2_bits", "q3_bits"};
    for (std::size_t k = 0; k < parameters.size(); ++k)
      parameters[k] = number_attribute(construction, names[k], status);
    std::int64_t means = 0;
    if (status.good()) api.int64_attribute(construction, "mean", &means, status);
    mean = means != 0;
  }

  std::int64_t summed(const Request &call) const { return mean ? call.rows : call.rows * call.columns; }

  void compute(const Element &element, const Request &call) const {
    constexpr ElementType types[] = {ElementType::f32, ElementType::f64, ElementType::bf16, ElementType::f16};
    const bool wide = element.values == tf::float64;
    ElementwiseRows all;
    all.rows = call.rows;
    all.columns = call.columns;
    all.factor = mean ? 1.0 / static_cast<double>(call.columns) : 1.0; // the mean of nothing is NaN
    all.scale = call.scale;
    all.values = call.values;
    all.each.loss = kernels->elementwise_number(loss.data(), loss.size());
    all.each.parameters = parameters.data();
    all.each.prediction = {call.prediction, types[static_cast<int>(element.dtype)]};
    all.each.target = {call.target, wide ? ElementType::f64 : ElementType::f32};
    all.each.scale = call.factor;
    all.each.gradient = call.gradient;
    all.each.exec = kernels->exec;
    const ElementwiseStatus status = kernels->elementwise_rows(all);
    if (status == ElementwiseStatus::no_memory) throw std::bad_alloc();
    if (status == ElementwiseStatus::unsupported)
      throw Failure{tf::invalid_argument, "this version of lossmith has no kernel for the loss of this operation"};
  }
};

struct CtcFamily {
  static constexpr int axes = 2, element_types = 4;
  static constexpr bool whole_target = false;
  static constexpr const char *attributes[] = {"blank: int", "impossible_is_zero: int = 0"};
  static constexpr const char *wrong_target = "target must hold the tokens of each sequence and two counts";
  CtcRequest settings;

  void read(tf::Construction *construction, OwnStatus &status) {
    std::int64_t zero = 0;
    api.int64_attribute(construction, "blank", &settings.blank, status);
    if (status.good()) api.int64_attribute(construction, "impossible_is_zero", &zero, status);
    settings.impossible_is_zero = zero != 0;
  }

  std::int64_t summed(const Request &call) const { return call.rows; }

  void compute(const Element &element, const Request &call) const {
    CtcRequest request = settings;
    request.dtype = element.dtype;
    request.samples = call.rows;
    request.steps = call.shape[call.shape.size() - 2];
    request.classes = call.shape.back();
    request.columns = call.target_columns;
    request.logits = call.prediction;
    request.target = static_cast<const std::int64_t *>(call.target);
    request.scale = call.scale;
    request.factor = call.factor;
    request.values = call.values;
    request.gradient = call.gradient;
    const CtcStatus status = kernels->ctc(request, kernels->exec);
    if (status == CtcStatus::out_of_memory) throw std::bad_alloc();
    if (status == CtcStatus::bad_blank) throw Failure{tf::invalid_argument, "blank is no class"};
  }
};

struct BatchRowsFamily {
  static constexpr int axes = 1, element_types = 2;
  static constexpr bool whole_target = false;
  static constexpr const char *attributes[] = {"loss: int", "margin_bits: int = 0", "soft: int = 0"};
  static constexpr const char *wrong_target = "target must hold the group of each row and whether it is present";
  BatchRequest settings;

  void read(tf::Construction *construction, OwnStatus &status) {
    std::int64_t loss = -1, soft = 0;
    api.int64_attribute(construction, "loss", &loss, status);
    settings.margin = number_attribute(construction, "margin_bits", status);
    if (status.good()) api.int64_attribute(construction, "soft", &soft, status);
    settings.soft = soft != 0;
    if (status.good() && (loss < 0 || loss > static_cast<std::int64_t>(BatchLoss::triplet_semi_hard)))
      status.set(tf::invalid_argument, "there is no such loss of batches");
    settings.loss = static_cast<BatchLoss>(loss);
  }

  std::int64_t summed(const Request &call) const { return call.columns; }

  void compute(const Element &element, const Request &call) const {
    if (call.shape.size() < 2 || call.shape[call.shape.size() - 2] != call.columns || call.target_columns != 2)
      throw Failure{tf::invalid_argument, "prediction must be square matrices, and target a pair for each row"};
    BatchRequest request = settings;
    request.dtype = element.dtype;
    request.rows = call.columns;
    request.matrices = call.rows / call.columns;
    request.matrix = call.prediction;
    request.target = static_cast<const std::int64_t *>(call.target);
    request.scale = call.scale;
    request.factor = call.factor;
    request.values = call.values;
    request.gradient = call.gradient;
    if (kernels->batch_rows(request, kernels->exec) == BatchStatus::out_of_memory) throw std::bad_alloc();
  }
};

template <typename Family> class Operation {
public:
  Operation(Call &call, const Element &element, const Family &family)
      : call_(call), element_(element), family_(family), prediction_(call.input(0)), target_(call.input(1)),
        shape_(prediction_.sizes()) {
    if (kernels == nullptr) throw Failure{tf::failed_precondition, "lossmith's kernels are not loaded"};
    if (shape_.size() < Family::axes) throw Failure{tf::invalid_argument, "prediction has no axis for rows"};
    leading_.assign(shape_.begin(), shape_.end() - Family::axes);
    Call::Sizes target = target_.sizes();
    if constexpr (Family::whole_target) {
      if (target != shape_) throw Failure{tf::invalid_argument, "target must have the shape of prediction"};
    } else {
      request_.target_columns = target.empty() ? 0 : target.back();
      if (!target.empty()) target.pop_back();
      if (target != leading_ || request_.target_columns < 2)
        throw Failure{tf::invalid_argument, Family::wrong_target};
    }
    request_.shape = shape_;
    request_.rows = tf::count_of(leading_);
    request_.columns = tf::count_of({shape_.end() - Family::axes, shape_.end()});
    request_.prediction = prediction_.template data<void>();
    request_.target = target_.template data<void>();
  }

  template <Op op> void forward() {
    const OwnTensor values = call_.output(0, element_.values, leading_, request_.rows * element_.value_bytes);
    request_.values = values.data<void>();
    if constexpr (op == Op::values) return compute();
    const OwnTensor gradient = gradient_output(call_, 1, element_, shape_);
    request_.gradient = gradient.data<void>();
    if constexpr (op == Op::ahead) {
      const std::int64_t summed = family_.summed(request_);
      request_.factor = summed > 0 ? 1.0 / static_cast<double>(summed) : 1.0;
      return compute();
    }
    const OwnTensor scale = rows("scale must have the shape of the values", 2);
    request_.scale = scale.data<void>();
    compute();
  }

  template <typename T> void backward() {
    constexpr int ahead = Family::axes == 0 ? -1 : 2;
    const OwnTensor cotangent = rows("cotangent must have the shape of the values", ahead + (ahead < 0 ? 3 : 1));
    const auto again = [&] {
      const OwnTensor gradient = gradient_output(call_, 0, element_, shape_);
      request_.gradient = gradient.data<void>();
      request_.scale = cotangent.data<void>();
      compute();
    };
    if constexpr (Family::axes == 0) return again();
    if (call_.input(ahead).sizes() != shape_)
      throw Failure{tf::invalid_argument, "ahead must have the shape of prediction"};
    const tf::Ahead found{ahead, shape_, request_.rows, request_.columns, family_.summed(request_)};
    tf::finish(call_, element_, found, cotangent.data<const T>(), again);
  }

private:
  OwnTensor rows(const char *message, int index) {
    OwnTensor found = call_.input(index);
    if (found.sizes() != leading_) throw Failure{tf::invalid_argument, message};
    return found;
  }

  void compute() {
    if (request_.rows > 0) family_.compute(element_, request_);
  }

  Call &call_;
  const Element &element_;
  const Family &family_;
  const OwnTensor prediction_, target_;
  Call::Sizes shape_, leading_;
  Request request_;
};

template <typename Family, Op op, int element> void compute_op(void *kernel, tf::Context *context) {
  Call(context).run([&](Call &call) {
    Operation<Family> operation(call, elements[element], *static_cast<const Family *>(kernel));
    if constexpr (op != Op::backward)
      operation.template forward<op>();
    else if (elements[element].values == tf::float64)
      operation.template backward<double>();
    else
      operation.template backward<float>();
  });
}

template <typename Family> void *create(tf::Construction *construction) {
  OwnStatus status;
  auto *const made = new (std::nothrow) Family;
  if (made == nullptr)
    status.set(tf::resource_exhausted, "no memory for a kernel of lossmith");
  else
    made->read(construction, status);
  if (status.good()) return made;
  delete made;
  api.fail_construction(construction, status);
  return nullptr;
}

template <typename Family> void destroy(void *kernel) { delete static_cast<Family *>(kernel); }

// values: the shape of the prediction without the last axis, or with it; a gradient: the shape of the prediction.
template <typename Family, Op op> void infer_shapes(tf::ShapeContext *context, tf::Status *status) {
  tf::Shape *const whole = api.new_shape(), *const values = api.new_shape();
  const auto good = [&] { return api.code(status) == tf::ok; };
  const auto set = [&](int output, tf::Shape *shape) {
    if (good()) api.set_output_shape(context, output, shape, status);
  };
  api.input_shape(context, 0, whole, status);
  if (Family::axes > 0) {
    if (good()) api.with_rank_at_least(context, whole, Family::axes, whole, status);
    if (good()) api.subshape(context, whole, 0, -Family::axes, values, status);
  }
  set(0, op == Op::backward || Family::axes == 0 ? whole : values);
  if (op == Op::gradient || op == Op::ahead) set(1, whole);
  api.delete_shape(whole);
  api.delete_shape(values);
}

template <typename Family, Op op> void register_definition(const char *name, const OwnStatus &status) {
  tf::OpDefinition *const made = api.new_op(name);
  api.add_attribute(made, Family::element_types == 2 ? "T: {float, double}" : "T: {float, double, bfloat16, half}");
  api.add_attribute(made, "U: {float, double}");
  for (const char *attribute : Family::attributes) api.add_attribute(made, attribute);
  api.add_input(made, "prediction: T");
  api.add_input(made, Family::whole_target ? "target: U" : "target: int64");
  if (op == Op::gradient) api.add_input(made, "scale: U");
  if (op == Op::backward && Family::axes > 0) api.add_input(made, "ahead: T");
  if (op == Op::backward) api.add_input(made, "cotangent: U");
  if (op != Op::backward) api.add_output(made, "values: U");
  if (op == Op::ahead) api.add_output(made, "ahead: T");
  if (op == Op::gradient || op == Op::backward) api.add_output(made, "gradient: T");
  api.set_shape_function(made, infer_shapes<Family, op>);
  api.register_op(made, status);
}

template <typename Family, Op op, int element> void register_kernel(const char *name, const OwnStatus &status) {
  tf::KernelBuilder *const kernel =
      api.new_kernel(name, "CPU", create<Family>, compute_op<Family, op, element>, destroy<Family>);
  api.constrain(kernel, "T", elements[element].type, status);
  if (status.good()) api.constrain(kernel, "U", elements[element].values, status);
  if (status.good()) api.register_kernel(name, kernel, status);
}

template <typename Family, Op op> bool register_op(const std::string &name) {
  const OwnStatus status;
  register_kernel<Family, op, 0>(name.c_str(), status);
  if (status.good()) register_kernel<Family, op, 1>(name.c_str(), status);
  if constexpr (Family::element_types > 2) {
    if (status.good()) register_kernel<Family, op, 2>(name.c_str(), status);
    if (status.good()) register_kernel<Family, op, 3>(name.c_str(), status);
  }
  if (status.good()) register_definition<Family, op>(name.c_str(), status);
  return status.good();
}

template <typename Family> bool register_family(const std::string &name) {
  bool good = register_op<Family, Op::gradient>(name + "Gradient") && register_op<Family, Op::backward>(name + "Backward");
  if constexpr (Family::axes > 0) good = good && register_op<Family, Op::ahead>(name + "Ahead");
  return good && register_op<Family, Op::values>(name);
}

} // namespace

namespace tf {

bool register_row_losses() {
  return register_family<RowPairsFamily>("LossmithRowPairs") && register_family<CtcFamily>("LossmithCtc") &&
         register_family<BatchRowsFamily>("LossmithBatchRows") &&
         register_family<ElementsFamily<1>>("LossmithElementRows") &&
         register_family<ElementsFamily<0>>("LossmithElements");
}

} // namespace tf
} // namespace lossmith
