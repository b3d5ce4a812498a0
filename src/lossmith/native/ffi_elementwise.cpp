#include "ffi_elementwise.hpp"

#include "elementwise_losses.hpp"
#include "elementwise_rows.hpp"
#include "ffi_passes.hpp"

namespace lossmith {
namespace {

using ffi::Buffer;
using ffi::CallFrame;
using ffi::DataType;
using ffi::ErrorCode;

constexpr const char *parameter_names[] = {"q0", "q1", "q2", "q3"};
static_assert(sizeof parameter_names / sizeof *parameter_names == most_parameters, "one name for each parameter");

// How many sums a pass takes or gives: what all of its arrays but those of the elements have as their size.
std::int64_t row_count(const CallFrame &frame) {
  const bool backward = ffi::integer(frame, "pass", -1) == 2;
  const Buffer *const rows =
      backward ? ffi::argument(frame, frame.arguments.count - 1) : ffi::result(frame, 0);
  return rows == nullptr ? -1 : ffi::elements(*rows);
}

template <typename Storage>
ffi::Error *run(const CallFrame &frame, const Buffer &prediction, const Buffer &target, ElementType type) {
  using T = Compute<Storage>;
  const auto unexpected = [&] {
    return ffi::error(frame, ErrorCode::invalid_argument, "lossmith: unexpected arguments");
  };
  constexpr bool wide = sizeof(T) == 8;
  constexpr ElementType computed = wide ? ElementType::f64 : ElementType::f32;
  const std::int64_t size = ffi::elements(prediction), rows = row_count(frame);
  if (rows <= 0 || size % rows != 0 || ffi::elements(target) != size) return unexpected();
  if (target.type != (wide ? DataType::f64 : DataType::f32)) return unexpected();
  double parameters[most_parameters];
  for (int k = 0; k < most_parameters; ++k) parameters[k] = ffi::number(frame, parameter_names[k], 0.0);
  const ffi::Text name = ffi::text(frame, "loss");

  ElementwiseRows call;
  call.rows = rows;
  call.columns = size / rows;
  call.each.loss = elementwise_number(name.data, name.length);
  call.each.parameters = parameters;
  call.each.prediction = {prediction.data, type};
  call.each.target = {target.data, computed};
  call.each.exec = ffi::threads_of(frame);
  ffi::Passes<Storage> passes(frame, rows, call.columns, call.columns);
  if (call.each.loss < 0 || !passes.read(size)) return unexpected();
  call.each.weight = {passes.weight(), computed};
  ElementwiseStatus status = ElementwiseStatus::done;
  passes.run([&](T *values, Storage *gradient, const T *scale) {
    call.values = values;
    call.each.gradient = gradient;
    call.scale = scale;
    status = elementwise_rows(call);
  });
  if (status == ElementwiseStatus::done) return nullptr;
  if (status == ElementwiseStatus::unsupported) return unexpected();
  return ffi::error(frame, ErrorCode::resource_exhausted, "lossmith: out of memory");
}

} // namespace

ffi::Error *elementwise_ffi(CallFrame *frame) {
  if (ffi::answer_metadata(*frame)) return nullptr;
  const Buffer *const prediction = ffi::argument(*frame, 0), *const target = ffi::argument(*frame, 1);
  if (prediction != nullptr && target != nullptr) switch (prediction->type) {
    case DataType::f32: return run<float>(*frame, *prediction, *target, ElementType::f32);
    case DataType::f64: return run<double>(*frame, *prediction, *target, ElementType::f64);
    case DataType::bf16: return run<BFloat16>(*frame, *prediction, *target, ElementType::bf16);
    case DataType::f16: return run<Float16>(*frame, *prediction, *target, ElementType::f16);
    default: break;
    }
  return ffi::error(*frame, ErrorCode::invalid_argument, "lossmith: elements of a type without a kernel");
}

} // namespace lossmith
