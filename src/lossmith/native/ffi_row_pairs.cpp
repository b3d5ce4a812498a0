#include "ffi_row_pairs.hpp"

#include "ffi_passes.hpp"
#include "row_pairs.hpp"

namespace lossmith {
namespace {

using ffi::Buffer;
using ffi::CallFrame;
using ffi::DataType;
using ffi::ErrorCode;

template <typename T> ffi::Error *run(const CallFrame &frame, const Buffer &prediction, const Buffer &target) {
  const auto unexpected = [&] {
    return ffi::error(frame, ErrorCode::invalid_argument, "lossmith: unexpected arguments");
  };
  RowPairs<T> call;
  const std::int64_t loss = ffi::integer(frame, "loss", -1), size = ffi::elements(prediction);
  if (loss < 0 || loss > static_cast<std::int64_t>(PairLoss::total_variation)) return unexpected();
  if (prediction.rank < 1 || target.type != prediction.type || ffi::elements(target) != size) return unexpected();
  call.classes = prediction.sizes[prediction.rank - 1];
  call.rows = call.classes == 0 ? 0 : size / call.classes;
  call.prediction = static_cast<const T *>(prediction.data);
  call.target = static_cast<const T *>(target.data);
  call.label_smoothing = ffi::number(frame, "label_smoothing", 0.0);
  call.z_loss = ffi::number(frame, "z_loss", 0.0);
  call.temperature = ffi::number(frame, "temperature", 1.0);
  call.beta = ffi::number(frame, "beta", 0.5);
  ffi::Passes<T> passes(frame, call.rows, call.classes, call.rows);
  if (!passes.read(call.classes)) return unexpected();
  call.class_weight = passes.weight();
  RowPairsOutcome outcome;
  passes.run([&](T *values, T *gradient, const T *scale) {
    call.values = values;
    call.gradient = gradient;
    call.scale = scale;
    outcome = row_pairs(static_cast<PairLoss>(loss), call, ffi::threads_of(frame));
  });
  if (outcome.out_of_memory) return ffi::error(frame, ErrorCode::resource_exhausted, "lossmith: out of memory");
  if (outcome.bad_weight) return ffi::error(frame, ErrorCode::internal, "lossmith: class weights were not checked");
  return nullptr;
}

} // namespace

ffi::Error *row_pairs_ffi(CallFrame *frame) {
  if (ffi::answer_metadata(*frame)) return nullptr;
  const Buffer *const prediction = ffi::argument(*frame, 0), *const target = ffi::argument(*frame, 1);
  if (prediction != nullptr && target != nullptr) {
    if (prediction->type == DataType::f32) return run<float>(*frame, *prediction, *target);
    if (prediction->type == DataType::f64) return run<double>(*frame, *prediction, *target);
  }
  return ffi::error(*frame, ErrorCode::invalid_argument, "lossmith: rows of a type without a kernel");
}

} // namespace lossmith
