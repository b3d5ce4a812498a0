// The Python face of batch_rows.hpp and batch_matrix.hpp: takes addresses, lets go of the GIL, calls. Whoever calls has
// checked the arrays.
#include <cstdint>
#include <new>

#include "batch_matrix.hpp"
#include "batch_rows.hpp"
#include "bindings.hpp"
#include "storage.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace lossmith {
namespace {

template <typename T>
BatchStatus run(std::uint64_t exec, int loss, const Pointer &matrix, const Pointer &groups, const Pointer &present,
                std::int64_t rows, const Pointer &values, const Pointer &gradient, const Pointer &scale, double factor,
                double margin, bool soft) {
  BatchRows<T> call;
  call.rows = rows;
  call.matrix = matrix.get<const T>("matrix", rows * rows);
  call.groups = groups.get<const std::int64_t>("groups", rows);
  call.present = present.get<const std::uint8_t>("present", rows);
  call.margin = margin;
  call.soft = soft;
  call.scale = scale.get<const T>("scale", rows);
  call.factor = factor;
  call.values = values.get<T>("values", rows);
  call.gradient = gradient.get<T>("gradient", rows * rows);
  nb::gil_scoped_release released;
  return batch_rows(static_cast<BatchLoss>(loss), call, exec_from(exec));
}

DType wide_type(int dtype) {
  const auto code = static_cast<DType>(dtype);
  if (code != DType::float32 && code != DType::float64) throw nb::value_error("dtype is neither float32 nor float64");
  return code;
}

void batch_rows_call(std::uint64_t exec, int dtype, int loss, const Pointer &matrix, const Pointer &groups,
                     const Pointer &present, std::int64_t rows, const Pointer &values, const Pointer &gradient,
                     const Pointer &scale, double factor, double margin, bool soft) {
  const DType code = wide_type(dtype);
  if (loss < 0 || loss > static_cast<int>(BatchLoss::triplet_semi_hard)) throw nb::value_error("there is no such loss");
  const auto function = code == DType::float64 ? run<double> : run<float>;
  const BatchStatus status =
      function(exec, loss, matrix, groups, present, rows, values, gradient, scale, factor, margin, soft);
  if (status == BatchStatus::out_of_memory) throw std::bad_alloc();
  if (status == BatchStatus::unsupported) throw nb::value_error("the loss needs groups");
}

template <typename T>
void turn(std::uint64_t exec, int what, std::int64_t rows, const Pointer &to, const Pointer &from) {
  T *const target = to.get<T>("to", rows * rows);
  const T *const source = from.get<const T>("from", rows * rows);
  nb::gil_scoped_release released;
  turn_matrix(static_cast<Turned>(what), rows, target, source, exec_from(exec));
}

void turn_call(std::uint64_t exec, int dtype, int what, std::int64_t rows, const Pointer &to, const Pointer &from) {
  if (what < 0 || what > static_cast<int>(Turned::mirror)) throw nb::value_error("there is no such way to turn");
  const bool same = to.address == from.address;
  if (same ? what == static_cast<int>(Turned::copy) : what == static_cast<int>(Turned::mirror))
    throw nb::value_error("a copy needs two matrices, and a mirror one");
  (wide_type(dtype) == DType::float64 ? turn<double> : turn<float>)(exec, what, rows, to, from);
}

template <typename T>
void distances(std::uint64_t exec, std::int64_t rows, const Pointer &products, const Pointer &squares, double unit,
               bool squared) {
  T *const matrix = products.get<T>("products", rows * rows);
  const T *const of_rows = squares.get<const T>("squares", rows);
  nb::gil_scoped_release released;
  pair_distances(rows, matrix, of_rows, unit, squared, exec_from(exec));
}

void distances_call(std::uint64_t exec, int dtype, std::int64_t rows, const Pointer &products, const Pointer &squares,
                    double unit, bool squared) {
  const auto function = wide_type(dtype) == DType::float64 ? distances<double> : distances<float>;
  function(exec, rows, products, squares, unit, squared);
}

template <typename T>
bool pull(std::uint64_t exec, std::int64_t rows, std::int64_t features, const Pointer &slopes, const Pointer &lengths,
          double factor, const Pointer &vectors, const Pointer &gradient) {
  PairPulls<T> call;
  call.rows = rows;
  call.features = features;
  call.slopes = slopes.get<const T>("slopes", rows * rows);
  call.lengths = lengths.get<const T>("lengths", rows * rows);
  call.factor = factor;
  call.vectors = vectors.get<const T>("vectors", rows * features);
  call.gradient = gradient.get<T>("gradient", rows * features);
  nb::gil_scoped_release released;
  return pull_pairs(call, exec_from(exec));
}

bool pull_call(std::uint64_t exec, int dtype, std::int64_t rows, std::int64_t features, const Pointer &slopes,
               const Pointer &lengths, double factor, const Pointer &vectors, const Pointer &gradient) {
  const auto function = wide_type(dtype) == DType::float64 ? pull<double> : pull<float>;
  return function(exec, rows, features, slopes, lengths, factor, vectors, gradient);
}

} // namespace

void register_batch_rows(nb::module_ &module) {
  module.def("batch_rows", &batch_rows_call, "exec"_a, "dtype"_a, "loss"_a, "matrix"_a, "groups"_a.none(),
             "present"_a.none(), "rows"_a, "values"_a.none(), "gradient"_a.none(), "scale"_a.none(), "factor"_a,
             "margin"_a, "soft"_a, "Fill values and gradient, those that are not None.");
  module.def("turn_matrix", &turn_call, "exec"_a, "dtype"_a, "what"_a, "rows"_a, "to"_a, "source"_a,
             "0: to = source^T, 1: to += source^T, 2: the squares above the diagonal take what is below it.");
  module.attr("TURNED_SQUARE") = turned_square;
  module.def("pair_distances", &distances_call, "exec"_a, "dtype"_a, "rows"_a, "products"_a, "squares"_a, "unit"_a,
             "squared"_a, "Distances in place of inner products.");
  module.def("pull_pairs", &pull_call, "exec"_a, "dtype"_a, "rows"_a, "features"_a, "slopes"_a, "lengths"_a.none(),
             "factor"_a, "vectors"_a, "gradient"_a, "Fill the gradient; False where there are too many slopes for it.");
}

} // namespace lossmith
