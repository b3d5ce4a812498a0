// The address of the kernels for _tensorflow, the library with TensorFlow's operations; see tensorflow_table.hpp.
#include <cstdint>
#include <new>

#include "batch_targets.hpp"
#include "bindings.hpp"
#include "ctc_targets.hpp"
#include "tensorflow_table.hpp"

namespace nb = nanobind;

namespace lossmith {
namespace {

template <typename Storage> SoftmaxOutcome run(const SoftmaxRequest &from, const Exec &exec) {
  using T = Compute<Storage>;
  SoftmaxCrossEntropy<Storage> call;
  call.rows = from.rows;
  call.classes = from.classes;
  call.logits = static_cast<const Storage *>(from.logits);
  call.labels = from.labels;
  call.keep = from.keep;
  call.scale = static_cast<const T *>(from.scale);
  call.factor = from.factor;
  call.label_smoothing = from.label_smoothing;
  call.z_loss = from.z_loss;
  call.focal = from.focal;
  call.values = static_cast<T *>(from.values);
  call.gradient = static_cast<Storage *>(from.gradient);
  return softmax_cross_entropy(call, exec);
}

template <typename Storage> CtcStatus run(const CtcRequest &from, const Exec &exec) {
  using T = Compute<Storage>;
  Ctc<Storage> call;
  call.samples = from.samples;
  call.steps = from.steps;
  call.classes = from.classes;
  call.logits = static_cast<const Storage *>(from.logits);
  call.blank = from.blank;
  call.impossible_is_zero = from.impossible_is_zero;
  call.scale = static_cast<const T *>(from.scale);
  call.factor = from.factor;
  call.values = static_cast<T *>(from.values);
  call.gradient = static_cast<Storage *>(from.gradient);
  try {
    const CtcTargets targets(from.target, from.samples, from.columns);
    targets.give_to(call);
    return ctc(call, exec);
  } catch (const std::bad_alloc &) {
    return CtcStatus::out_of_memory;
  }
}

// A request of any element type.
template <typename Outcome, typename Request> Outcome run_any(const Request &request, const Exec &exec) {
  switch (request.dtype) {
  case DType::float64: return run<double>(request, exec);
  case DType::bfloat16: return run<BFloat16>(request, exec);
  case DType::float16: return run<Float16>(request, exec);
  case DType::float32: break;
  }
  return run<float>(request, exec);
}

template <typename T> RowPairsOutcome run(const PairsRequest &from, const Exec &exec) {
  RowPairs<T> call;
  call.rows = from.rows;
  call.classes = from.classes;
  call.prediction = static_cast<const T *>(from.prediction);
  call.target = static_cast<const T *>(from.target);
  call.scale = static_cast<const T *>(from.scale);
  call.factor = from.factor;
  call.label_smoothing = from.label_smoothing;
  call.z_loss = from.z_loss;
  call.temperature = from.temperature;
  call.beta = from.beta;
  call.values = static_cast<T *>(from.values);
  call.gradient = static_cast<T *>(from.gradient);
  return row_pairs(from.loss, call, exec);
}

RowPairsOutcome pairs(const PairsRequest &request, const Exec &exec) {
  return request.dtype == DType::float64 ? run<double>(request, exec) : run<float>(request, exec);
}

template <typename T> BatchStatus run(const BatchRequest &from, const Exec &exec) {
  BatchRows<T> call;
  call.rows = from.rows;
  call.matrix = static_cast<const T *>(from.matrix);
  call.margin = from.margin;
  call.soft = from.soft;
  call.scale = static_cast<const T *>(from.scale);
  call.factor = from.factor;
  call.values = static_cast<T *>(from.values);
  call.gradient = static_cast<T *>(from.gradient);
  return batch_rows_of_each(from.loss, call, from.matrices, from.target, exec);
}

BatchStatus batches(const BatchRequest &request, const Exec &exec) {
  return request.dtype == DType::float64 ? run<double>(request, exec) : run<float>(request, exec);
}

} // namespace

void register_tensorflow(nb::module_ &module) {
  module.def(
      "tensorflow_table",
      [] {
        static const KernelTable table{exec_from(1),
                                       run_any<SoftmaxOutcome, SoftmaxRequest>,
                                       pairs,
                                       run_any<CtcStatus, CtcRequest>,
                                       batches,
                                       elementwise_rows,
                                       elementwise_number,
                                       take_gradient_block,
                                       give_back};
        return reinterpret_cast<std::uintptr_t>(&table);
      },
      "The address of the kernels for the library of TensorFlow's operations.");
}

} // namespace lossmith
