// The handlers that XLA calls, as the capsules that jax.ffi.register_ffi_target takes.
#include "bindings.hpp"
#include "ffi_batch_rows.hpp"
#include "ffi_ctc.hpp"
#include "ffi_elementwise.hpp"
#include "ffi_row_pairs.hpp"
#include "ffi_softmax.hpp"

namespace nb = nanobind;

namespace lossmith {
namespace {

template <ffi::Error *(*handler)(ffi::CallFrame *)> nb::capsule capsule() {
  return nb::capsule(reinterpret_cast<const void *>(handler));
}

} // namespace

void register_jax(nb::module_ &module) {
  module.def("softmax_cross_entropy_handler", &capsule<softmax_cross_entropy_ffi>,
             "The XLA handler of softmax cross-entropy with class indices.");
  module.def("row_pairs_handler", &capsule<row_pairs_ffi>, "The XLA handler of the losses of two matrices.");
  module.def("batch_rows_handler", &capsule<batch_rows_ffi>,
             "The XLA handler of the losses whose rows compare with each other.");
  module.def("ctc_handler", &capsule<ctc_ffi>, "The XLA handler of CTC.");
  module.def("elementwise_handler", &capsule<elementwise_ffi>, "The XLA handler of the elementwise losses.");
}

} // namespace lossmith
