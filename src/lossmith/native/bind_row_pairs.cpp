// The Python face of the losses between pairs of rows: takes addresses, lets go of the GIL, calls. Whoever calls has
// checked dtypes, shapes and layout.
#include <cstdint>
#include <new>

#include "bindings.hpp"
#include "row_pairs.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace lossmith {
namespace {

struct Arguments {
  std::uint64_t exec;
  PairLoss loss;
  Pointer prediction, target;
  std::int64_t rows, classes;
  Pointer values, gradient, scale, class_weight;
  double factor, label_smoothing, z_loss, temperature, beta;
};

template <typename Storage> RowPairsOutcome run(const Arguments &from) {
  using T = Compute<Storage>;
  const std::int64_t size = from.rows * from.classes;
  RowPairs<Storage> call;
  call.rows = from.rows;
  call.classes = from.classes;
  call.prediction = from.prediction.get<const Storage>("prediction", size);
  call.target = from.target.get<const Storage>("target", size);
  call.scale = from.scale.get<const T>("scale", from.rows);
  call.factor = from.factor;
  call.class_weight = from.class_weight.get<const T>("class_weight", from.classes);
  call.label_smoothing = from.label_smoothing;
  call.z_loss = from.z_loss;
  call.temperature = from.temperature;
  call.beta = from.beta;
  call.values = from.values.get<T>("values", from.rows);
  call.gradient = from.gradient.get<Storage>("gradient", size);
  nb::gil_scoped_release released;
  return row_pairs(from.loss, call, exec_from(from.exec));
}

double pairs(std::uint64_t exec, int loss, int dtype, const Pointer &prediction, const Pointer &target,
             std::int64_t rows, std::int64_t classes, const Pointer &values, const Pointer &gradient,
             const Pointer &scale, double factor, const Pointer &class_weight, double label_smoothing, double z_loss,
             double temperature, double beta) {
  if (loss < 0 || loss > static_cast<int>(PairLoss::total_variation))
    throw nb::value_error("there is no loss of pairs of rows with this number; see row_pairs.hpp");
  const Arguments all{exec,   static_cast<PairLoss>(loss), prediction, target, rows, classes, values, gradient, scale,
                      class_weight, factor, label_smoothing, z_loss, temperature, beta};
  RowPairsOutcome outcome;
  switch (static_cast<DType>(dtype)) {
  case DType::float32: outcome = run<float>(all); break;
  case DType::float64: outcome = run<double>(all); break;
  case DType::bfloat16: outcome = run<BFloat16>(all); break;
  case DType::float16: outcome = run<Float16>(all); break;
  default: throw nb::value_error("dtype is none of the codes that the kernels know");
  }
  if (outcome.out_of_memory) throw std::bad_alloc();
  if (outcome.bad_weight) throw nb::value_error("class_weight holds a number that is negative, infinite or NaN");
  return outcome.total;
}

} // namespace

void register_row_pairs(nb::module_ &module) {
  module.def("row_pairs", &pairs, "exec"_a, "loss"_a, "dtype"_a, "prediction"_a, "target"_a, "rows"_a, "classes"_a,
             "values"_a.none(), "gradient"_a.none(), "scale"_a.none() = nb::none(), "factor"_a = 1.0,
             "class_weight"_a.none() = nb::none(), "label_smoothing"_a = 0.0, "z_loss"_a = 0.0, "temperature"_a = 1.0,
             "beta"_a = 0.5, "Fill values and gradient, those that are not None; return the sum of the values.");
}

} // namespace lossmith
