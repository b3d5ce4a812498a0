#include "ffi_batch_rows.hpp"

#include "batch_targets.hpp"
#include "ffi_passes.hpp"

namespace lossmith {
namespace {

using ffi::Buffer;
using ffi::CallFrame;
using ffi::DataType;
using ffi::ErrorCode;

template <typename T> ffi::Error *run(const CallFrame &frame, const Buffer &matrix, const Buffer &target) {
  const auto unexpected = [&] {
    return ffi::error(frame, ErrorCode::invalid_argument, "lossmith: unexpected arguments");
  };
  const std::int64_t loss = ffi::integer(frame, "loss", -1);
  if (loss < 0 || loss > static_cast<std::int64_t>(BatchLoss::triplet_semi_hard) || matrix.rank < 2) return unexpected();
  BatchRows<T> call;
  call.rows = matrix.sizes[matrix.rank - 1];
  const std::int64_t all = call.rows == 0 ? 0 : ffi::elements(matrix) / call.rows;
  if (matrix.sizes[matrix.rank - 2] != call.rows || ffi::elements(target) != 2 * all) return unexpected();
  call.matrix = static_cast<const T *>(matrix.data);
  call.margin = ffi::number(frame, "margin", 0.0);
  call.soft = ffi::integer(frame, "soft", 0) != 0;
  ffi::Passes<T> passes(frame, all, call.rows, call.rows);
  if (!passes.read(0)) return unexpected();
  BatchStatus status = BatchStatus::done;
  passes.run([&](T *values, T *gradient, const T *scale) {
    call.values = values;
    call.gradient = gradient;
    call.scale = scale;
    const auto with = [&](const auto *packed) {
      const std::int64_t matrices = call.rows == 0 ? 0 : all / call.rows;
      return batch_rows_of_each(static_cast<BatchLoss>(loss), call, matrices, packed, ffi::threads_of(frame));
    };
    status = target.type == DataType::s64 ? with(static_cast<const std::int64_t *>(target.data))
                                          : with(static_cast<const std::int32_t *>(target.data));
  });
  if (status == BatchStatus::out_of_memory)
    return ffi::error(frame, ErrorCode::resource_exhausted, "lossmith: out of memory");
  return nullptr;
}

} // namespace

ffi::Error *batch_rows_ffi(CallFrame *frame) {
  if (ffi::answer_metadata(*frame)) return nullptr;
  const Buffer *const matrix = ffi::argument(*frame, 0), *const target = ffi::argument(*frame, 1);
  if (matrix != nullptr && target != nullptr && (target->type == DataType::s32 || target->type == DataType::s64)) {
    if (matrix->type == DataType::f32) return run<float>(*frame, *matrix, *target);
    if (matrix->type == DataType::f64) return run<double>(*frame, *matrix, *target);
  }
  return ffi::error(*frame, ErrorCode::invalid_argument, "lossmith: arrays of a type without a kernel");
}

} // namespace lossmith
