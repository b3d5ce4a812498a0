// The compiled module; each kernel's binding is in a file of its own.
#include "bindings.hpp"

#include "pool.hpp"

NB_MODULE(_core, module) {
  module.attr("INTERFACE") = LOSSMITH_INTERFACE;
  module.def("pool_threads", &lossmith::pool_threads, "How many threads our own pool has; makes it if need be.");
  lossmith::register_memory(module);
  lossmith::register_elementwise(module);
  lossmith::register_evaluation(module);
  lossmith::register_row_pairs(module);
  lossmith::register_softmax(module);
  lossmith::register_batch_rows(module);
  lossmith::register_ctc(module);
  lossmith::register_tensors(module);
  lossmith::register_tensorflow(module);
  lossmith::register_jax(module);
}
