// The handlers that XLA calls, as the capsules that jax.ffi.register_ffi_target takes.
#include "bindings.hpp"
#include "ffi_softmax.hpp"

namespace nb = nanobind;

namespace lossmith {

void register_jax(nb::module_ &module) {
  module.def(
      "softmax_cross_entropy_handler",
      [] { return nb::capsule(reinterpret_cast<const void *>(&softmax_cross_entropy_ffi)); },
      "The XLA handler of softmax cross-entropy.");
}

} // namespace lossmith
