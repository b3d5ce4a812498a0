// What _core lends to _tensorflow, the small library that TensorFlow loads: its kernels, by address. Both are built
// together, so this needs no version.
#pragma once

#include <cstddef>
#include <cstdint>

#include "batch_rows.hpp"
#include "ctc.hpp"
#include "elementwise_rows.hpp"
#include "exec.hpp"
#include "gradient_memory.hpp"
#include "row_pairs.hpp"
#include "softmax_cross_entropy.hpp"
#include "storage.hpp"

namespace lossmith {

// One call of the softmax kernels without its element type; see softmax_cross_entropy.hpp for each array.
struct SoftmaxRequest {
  DType dtype = DType::float32;
  std::int64_t rows = 0, classes = 0;
  const void *logits = nullptr;
  const std::int64_t *labels = nullptr;
  const std::uint8_t *keep = nullptr;
  const void *scale = nullptr;
  double factor = 1.0;
  double label_smoothing = 0.0, z_loss = 0.0, focal = 0.0;
  void *values = nullptr, *gradient = nullptr;
};

// The same of the losses of two matrices; see row_pairs.hpp.
struct PairsRequest {
  DType dtype = DType::float32; // or float64
  PairLoss loss = PairLoss::dense_cross_entropy;
  std::int64_t rows = 0, classes = 0;
  const void *prediction = nullptr, *target = nullptr;
  const void *scale = nullptr;
  double factor = 1.0;
  double label_smoothing = 0.0, z_loss = 0.0, temperature = 1.0, beta = 0.5;
  void *values = nullptr, *gradient = nullptr;
};

// The same of CTC; see ctc.hpp, and ctc_targets.hpp for the target.
struct CtcRequest {
  DType dtype = DType::float32;
  std::int64_t samples = 0, steps = 0, classes = 0, columns = 0, blank = 0;
  bool impossible_is_zero = false;
  const void *logits = nullptr;
  const std::int64_t *target = nullptr; // (samples, columns)
  const void *scale = nullptr;
  double factor = 1.0;
  void *values = nullptr, *gradient = nullptr;
};

// The same of losses whose rows compare with each other; see batch_rows.hpp, and batch_targets.hpp for the target.
struct BatchRequest {
  DType dtype = DType::float32; // or float64
  BatchLoss loss = BatchLoss::nt_xent;
  std::int64_t matrices = 0, rows = 0; // of each matrix
  double margin = 0.0;
  bool soft = false;
  const void *matrix = nullptr;
  const std::int64_t *target = nullptr; // (matrices, rows, 2)
  const void *scale = nullptr;
  double factor = 1.0;
  void *values = nullptr, *gradient = nullptr;
};

struct KernelTable {
  Exec exec; // our own pool
  SoftmaxOutcome (*softmax)(const SoftmaxRequest &request, const Exec &exec);
  RowPairsOutcome (*row_pairs)(const PairsRequest &request, const Exec &exec);
  CtcStatus (*ctc)(const CtcRequest &request, const Exec &exec);
  BatchStatus (*batch_rows)(const BatchRequest &request, const Exec &exec);
  ElementwiseStatus (*elementwise_rows)(const ElementwiseRows &call);
  int (*elementwise_number)(const char *name, std::size_t length);
  GradientBlock *(*take_block)(std::size_t bytes);
  void (*give_block_back)(GradientBlock *block);
};

} // namespace lossmith
