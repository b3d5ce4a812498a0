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

} // namespace

void register_tensorflow(nb::module_ &module) {
  module.def(
      "tensorflow_table",
      [] {
        static const KernelTable table{exec_from(1), softmax, take_gradient_block, give_back};
        return reinterpret_cast<std::uintptr_t>(&table);
      },
      "The address of the kernels for the library of TensorFlow's operations.");
}

} // namespace lossmith
