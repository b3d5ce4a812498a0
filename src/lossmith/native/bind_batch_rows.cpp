// The Python face of batch_rows.hpp: takes addresses, lets go of the GIL, calls. Whoever calls has checked the arrays.
#include <cstdint>
#include <new>

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

void batch_rows_call(std::uint64_t exec, int dtype, int loss, const Pointer &matrix, const Pointer &groups,
                     const Pointer &present, std::int64_t rows, const Pointer &values, const Pointer &gradient,
                     const Pointer &scale, double factor, double margin, bool soft) {
  const auto code = static_cast<DType>(dtype);
  if (code != DType::float32 && code != DType::float64) throw nb::value_error("dtype is neither float32 nor float64");
  if (loss < 0 || loss > static_cast<int>(BatchLoss::triplet_semi_hard)) throw nb::value_error("there is no such loss");
  const auto function = code == DType::float64 ? run<double> : run<float>;
  const BatchStatus status =
      function(exec, loss, matrix, groups, present, rows, values, gradient, scale, factor, margin, soft);
  if (status == BatchStatus::out_of_memory) throw std::bad_alloc();
  if (status == BatchStatus::unsupported) throw nb::value_error("the loss needs groups");
}

} // namespace

void register_batch_rows(nb::module_ &module) {
  module.def("batch_rows", &batch_rows_call, "exec"_a, "dtype"_a, "loss"_a, "matrix"_a, "groups"_a.none(),
             "present"_a.none(), "rows"_a, "values"_a.none(), "gradient"_a.none(), "scale"_a.none(), "factor"_a,
             "margin"_a, "soft"_a, "Fill values and gradient, those that are not None.");
}

} // namespace lossmith
