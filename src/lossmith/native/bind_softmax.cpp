// The Python face of the softmax kernels: takes addresses, lets go of the GIL, calls. Whoever calls has checked dtypes,
// shapes and layout.
#include <cstdint>
#include <tuple>

#include <nanobind/stl/tuple.h>

#include "bindings.hpp"
#include "softmax_cross_entropy.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace lossmith {
namespace {

struct Arguments {
  std::uint64_t exec;
  Pointer logits, labels, keep, scale, class_weight, values, gradient;
  std::int64_t rows, classes;
  bool ignores;
  std::int64_t ignored;
  double factor;
  bool mean;
  double label_smoothing, z_loss, focal;
};

template <typename Storage> SoftmaxOutcome run(const Arguments &from) {
  using T = Compute<Storage>;
  SoftmaxCrossEntropy<Storage> call;
  call.rows = from.rows;
  call.classes = from.classes;
  call.logits = from.logits.get<const Storage>("logits", from.rows * from.classes);
  call.labels = from.labels.get<const std::int64_t>("labels", from.rows);
  call.keep = from.keep.get<const std::uint8_t>("keep", from.rows);
  call.ignores = from.ignores;
  call.ignored = from.ignored;
  call.scale = from.scale.get<const T>("scale", from.rows);
  call.factor = from.factor;
  call.mean = from.mean;
  call.class_weight = from.class_weight.get<const T>("class_weight", from.classes);
  call.label_smoothing = from.label_smoothing;
  call.z_loss = from.z_loss;
  call.focal = from.focal;
  call.values = from.values.get<T>("values", from.rows);
  call.gradient = from.gradient.get<Storage>("gradient", from.rows * from.classes);
  nb::gil_scoped_release released;
  return softmax_cross_entropy(call, exec_from(from.exec));
}

std::tuple<std::int64_t, double, double> softmax(std::uint64_t exec, int dtype, const Pointer & logits, const Pointer & labels,
                                                 std::int64_t rows, std::int64_t classes, const Pointer & values,
                                                 const Pointer & gradient, bool mean, bool ignores, std::int64_t ignored,
                                                 const Pointer & keep, const Pointer & scale, double factor, const Pointer & class_weight,
                                                 double label_smoothing, double z_loss, double focal) {
  const Arguments all{exec, logits, labels, keep, scale, class_weight, values, gradient, rows, classes, ignores, ignored,
                      factor, mean, label_smoothing, z_loss, focal};
  SoftmaxOutcome outcome;
  switch (static_cast<DType>(dtype)) {
  case DType::float32: outcome = run<float>(all); break;
  case DType::float64: outcome = run<double>(all); break;
  case DType::bfloat16: outcome = run<BFloat16>(all); break;
  case DType::float16: outcome = run<Float16>(all); break;
  default: throw nb::value_error("dtype is none of the codes that the kernels know");
  }
  if (outcome.out_of_memory) throw std::bad_alloc();
  if (outcome.bad_weight) throw nb::value_error("class_weight holds a number that is negative, infinite or NaN");
  return {outcome.bad_row, outcome.total, outcome.count};
}

} // namespace

void register_softmax(nb::module_ &module) {
  module.def("softmax_cross_entropy", &softmax, "exec"_a, "dtype"_a, "logits"_a, "labels"_a, "rows"_a, "classes"_a,
             "values"_a.none(), "gradient"_a.none(), "mean"_a = false, "ignores"_a = false, "ignored"_a = 0, "keep"_a.none() = nb::none(), "scale"_a.none() = nb::none(), "factor"_a = 1.0, "class_weight"_a.none() = nb::none(), "label_smoothing"_a = 0.0, "z_loss"_a = 0.0, "focal"_a = 0.0,
             "Fill values and gradient; return (first row with a bad label or -1, sum of the values, count).");
}

} // namespace lossmith
