// The Python face of the softmax kernels: checks that shapes agree, lets go of the GIL, calls.
#include <cstdint>
#include <optional>

#include <nanobind/stl/optional.h>

#include "bindings.hpp"
#include "softmax_cross_entropy.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace lossmith {
namespace {

template <typename T>
std::int64_t softmax_cross_entropy(const Matrix<const T> &logits, const Vector<const std::int64_t> &labels,
                                   const std::optional<Vector<const bool>> &keep,
                                   const std::optional<Vector<const T>> &scale,
                                   const std::optional<Vector<const T>> &class_weight, double label_smoothing,
                                   const Vector<T> &values, const std::optional<Matrix<T>> &gradient) {
  const std::size_t rows = logits.shape(0), classes = logits.shape(1);
  expect_length("labels", labels, rows, "row of logits");
  if (keep) expect_length("keep", *keep, rows, "row of logits");
  if (scale) expect_length("scale", *scale, rows, "row of logits");
  if (class_weight) expect_length("class_weight", *class_weight, classes, "column of logits");
  expect_length("values", values, rows, "row of logits");
  if (gradient) expect_length("gradient", *gradient, rows * classes, "element of logits");

  SoftmaxCrossEntropy<T> call;
  call.rows = static_cast<std::int64_t>(rows);
  call.classes = static_cast<std::int64_t>(classes);
  call.logits = logits.data();
  call.labels = labels.data();
  call.keep = keep ? reinterpret_cast<const std::uint8_t *>(keep->data()) : nullptr;
  call.scale = scale ? scale->data() : nullptr;
  call.class_weight = class_weight ? class_weight->data() : nullptr;
  call.label_smoothing = label_smoothing;
  call.values = values.data();
  call.gradient = gradient ? gradient->data() : nullptr;

  nb::gil_scoped_release released;
  return softmax_cross_entropy(call);
}

template <typename T> void bind(nb::module_ &module) {
  // noconvert: an array of another type or layout is refused, never copied behind the caller's back.
  module.def("softmax_cross_entropy", &softmax_cross_entropy<T>, "logits"_a.noconvert(), "labels"_a.noconvert(),
             "keep"_a.noconvert().none(), "scale"_a.noconvert().none(), "class_weight"_a.noconvert().none(),
             "label_smoothing"_a, "values"_a.noconvert(), "gradient"_a.noconvert().none(),
             "Fill values and gradient; return the first row whose label is out of range (nothing is filled), or -1.");
}

} // namespace

void register_softmax(nb::module_ &module) {
  bind<float>(module);
  bind<double>(module);
}

} // namespace lossmith
