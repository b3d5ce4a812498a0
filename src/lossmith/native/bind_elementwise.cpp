// The Python face of the elementwise losses: takes addresses or buffers, lets go of the GIL, calls. Whoever calls has
// checked dtypes, shapes and layout.
#include <cstdint>
#include <iterator>
#include <limits>
#include <new>

#include "bindings.hpp"
#include "elementwise.hpp"
#include "elementwise_blocks.hpp"
#include "elementwise_losses.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace lossmith {
namespace {

constexpr std::int64_t element_bytes[] = {4, 8, 2, 2, 8, 4, 1}; // by ElementType

std::int64_t size_of(int type) {
  if (type < 0 || type >= static_cast<int>(std::size(element_bytes)))
    throw nb::value_error("a dtype is none of the codes that the elementwise losses know");
  return element_bytes[type];
}

ElementInput input(const char *name, const Pointer &from, int type, std::int64_t count) {
  return {from.get<const char>(name, count * size_of(type)), static_cast<ElementType>(type)};
}

} // namespace

void fill_parameters(double *parameters, const nb::tuple &given) {
  if (given.size() > most_parameters) throw nb::value_error("more parameters than any elementwise loss has");
  std::size_t i = 0;
  for (const nb::handle value : given) {
    parameters[i] = value.is_none() ? std::numeric_limits<double>::quiet_NaN() : PyFloat_AsDouble(value.ptr());
    if (PyErr_Occurred() != nullptr) throw nb::python_error();
    ++i;
  }
}

LimitsPair::LimitsPair(nb::handle given) {
  if (given.is_none()) return;
  const auto pair = nb::cast<nb::tuple>(given);
  if (pair.size() != 2) throw nb::value_error("limits are those of the prediction and of the target, or None");
  for (std::size_t i = 0; i < 2; ++i) {
    if (pair[i].is_none()) continue;
    const auto given_numbers = nb::cast<nb::tuple>(pair[i]);
    constexpr std::size_t most = 2 + std::size(Limits().excluded);
    if (given_numbers.size() < 2 || given_numbers.size() > most)
      throw nb::value_error("limits of an array are (low, high) and up to three numbers that are excluded");
    limits_[i].low = nb::cast<double>(given_numbers[0]);
    limits_[i].high = nb::cast<double>(given_numbers[1]);
    for (std::size_t k = 2; k < given_numbers.size(); ++k)
      limits_[i].excluded[limits_[i].excluded_count++] = nb::cast<double>(given_numbers[k]);
    has_[i] = true;
  }
}

namespace {

double run(std::uint64_t exec, int loss, std::int64_t count, int type, const Pointer &prediction, int target_type,
           const Pointer &target, const Pointer &values, const Pointer &gradient, const nb::tuple &parameters,
           double scale, const Pointer &extra, int extra_type, const Pointer &weight, int weight_type,
           const Pointer &keep, nb::handle limits) {
  const LimitsPair allowed(limits);
  double numbers[most_parameters] = {};
  fill_parameters(numbers, parameters);
  Elementwise call;
  call.loss = loss;
  call.parameters = numbers;
  call.count = count;
  call.prediction = input("prediction", prediction, type, count);
  call.target = input("target", target, target_type, count);
  call.extra = input("extra", extra, extra_type, count);
  call.weight = input("weight", weight, weight_type, count);
  call.keep = keep.get<const std::uint8_t>("keep", count);
  call.prediction_limits = allowed.prediction();
  call.target_limits = allowed.target();
  call.scale = scale;
  const bool wide = call.prediction.type == ElementType::f64;
  call.values = values.get<char>("values", count * (wide ? 8 : 4));
  call.gradient = gradient.get<char>("gradient", count * size_of(type));
  call.exec = exec_from(exec);
  double total = 0.0;
  ElementwiseStatus status;
  {
    nb::gil_scoped_release released;
    status = elementwise(call, total);
  }
  if (status == ElementwiseStatus::no_memory) throw std::bad_alloc();
  if (status == ElementwiseStatus::unsupported)
    throw nb::value_error("there is no such loss, or not for these dtypes; see elementwise.hpp");
  return total;
}

nb::dict losses() {
  nb::dict found;
  int number = 0;
  for (const ElementwiseLoss &loss : elementwise_losses)
    found[loss.name] = nb::make_tuple(number++, loss.parameters, loss.extra);
  return found;
}

void lane_function(int which, int type, std::int64_t count, const Pointer &x, double exponent, const Pointer &y) {
  if (which < 0 || which >= static_cast<int>(LaneFunction::count)) throw nb::value_error("there is no such function");
  const auto function = static_cast<LaneFunction>(which);
  const FormulaTables &tables = formula_tables();
  if (static_cast<ElementType>(type) == ElementType::f64)
    tables.function_f64(function, x.get<const double>("x", count), exponent, y.get<double>("y", count), count);
  else
    tables.function_f32(function, x.get<const float>("x", count), static_cast<float>(exponent),
                        y.get<float>("y", count), count);
}

} // namespace

void register_elementwise(nb::module_ &module) {
  module.def("elementwise", &run, "exec"_a, "loss"_a, "count"_a, "dtype"_a, "prediction"_a.none(), "target_dtype"_a,
             "target"_a.none(), "values"_a.none(), "gradient"_a.none(), "parameters"_a, "scale"_a = 1.0,
             "extra"_a.none() = nb::none(), "extra_dtype"_a = 0, "weight"_a.none() = nb::none(), "weight_dtype"_a = 0,
             "keep"_a.none() = nb::none(), "limits"_a.none() = nb::none(),
             "Fill values and gradient, those that are not None; return the total.");
  module.def("elementwise_losses", &losses, "The number, the parameters and the extra array of each loss, by name.");
  module.def("lane_function", &lane_function, "which"_a, "dtype"_a, "count"_a, "x"_a, "exponent"_a, "y"_a,
             "Fill y with a function of x; for tests.");
}

} // namespace lossmith
