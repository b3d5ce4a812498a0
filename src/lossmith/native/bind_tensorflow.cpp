// The address of the kernels for _tensorflow, the library with TensorFlow's operations; see tensorflow_table.hpp.
#include <cstdint>

#include "bindings.hpp"
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
  call.values = static_cast<T *>(from.values);
  call.gradient = static_cast<Storage *>(from.gradient);
  return softmax_cross_entropy(call, exec);
}

SoftmaxOutcome softmax(const SoftmaxRequest &request, const Exec &exec) {
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

} // namespace

void register_tensorflow(nb::module_ &module) {
  module.def(
      "tensorflow_table",
      [] {
        static const KernelTable table{exec_from(1),       softmax,             pairs,    elementwise_rows,
                                       elementwise_number, take_gradient_block, give_back};
        return reinterpret_cast<std::uintptr_t>(&table);
      },
      "The address of the kernels for the library of TensorFlow's operations.");
}

} // namespace lossmith
