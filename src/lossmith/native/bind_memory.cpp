// Gradients in the memory of gradient_memory.hpp, as DLPack capsules (for torch.from_dlpack) and as NumPy arrays.
#include <cstdint>
#include <new>

#include "bindings.hpp"
#include "gradient_memory.hpp"
#include "storage.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace lossmith {
namespace {

nb::dlpack::dtype dlpack_type(int dtype) {
  switch (static_cast<DType>(dtype)) {
  case DType::float32: return {static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float), 32, 1};
  case DType::float64: return {static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float), 64, 1};
  case DType::bfloat16: return {static_cast<std::uint8_t>(nb::dlpack::dtype_code::Bfloat), 16, 1};
  case DType::float16: return {static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float), 16, 1};
  }
  throw nb::value_error("dtype is none of the codes that the kernels know");
}

template <typename Array> Array gradient(int dtype, std::size_t rows, std::size_t columns) {
  const nb::dlpack::dtype type = dlpack_type(dtype);
  GradientBlock *const block = take_gradient_block(rows * columns * (type.bits / 8));
  if (block == nullptr) throw std::bad_alloc();
  const nb::capsule owner(block, [](void *it) noexcept { give_back(static_cast<GradientBlock *>(it)); });
  return Array(block->memory, {rows, columns}, owner, {}, type);
}

} // namespace

void register_memory(nb::module_ &module) {
  module.attr("POOLED_BYTES") = pooled_bytes;
  module.def("gradient_capsule", &gradient<nb::ndarray<nb::c_contig, nb::device::cpu>>, "dtype"_a, "rows"_a,
             "columns"_a, "Memory for a gradient as a DLPack capsule.");
  module.def("gradient_array", &gradient<nb::ndarray<nb::numpy, nb::c_contig, nb::device::cpu>>, "dtype"_a, "rows"_a,
             "columns"_a, "Memory for a gradient as a NumPy array.");
  module.def("trim", &trim_gradient_memory, "Give idle gradient memory back to the system; return its bytes.");
  module.def("idle_gradient_memory", &idle_gradient_memory, "Bytes of gradient memory that nothing uses.");
}

} // namespace lossmith
