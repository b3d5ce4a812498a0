// The Python face of the kernels of evaluation states: takes addresses, lets go of the GIL, calls. Whoever calls has
// checked dtypes, shapes and layout.
#include <cstdint>

#include "bindings.hpp"
#include "evaluation.hpp"
#include "evaluation_direct.hpp"
#include "evaluation_rows.hpp"
#include "evaluation_whole.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace lossmith {
namespace {

nb::tuple window(const Pointer &a, const Pointer &b, std::int64_t n) {
  const auto *first = a.get<const double>("a", n);
  const auto *second = b.get<const double>("b", b.address == nullptr ? 0 : n);
  LimbWindow found;
  {
    nb::gil_scoped_release released;
    found = limb_window(first, second, n);
  }
  return nb::make_tuple(found.first, found.count);
}

std::int64_t add(const Pointer &a, const Pointer &b, const Pointer &index, std::int64_t n, std::int64_t size,
                 std::int64_t first, std::int64_t count, const Pointer &limbs, const Pointer &odd) {
  if (size < 1 || count < 0 || (index.address == nullptr && size != 1))
    throw nb::value_error("there are several sums and no index, or none at all");
  const ExactSums sums{size, {first, count}, limbs.get<std::int64_t>("limbs", size * count),
                       odd.get<std::int64_t>("odd", 3 * size)};
  const auto *x = a.get<const double>("a", n);
  const auto *y = b.get<const double>("b", b.address == nullptr ? 0 : n);
  const auto *at = index.get<const std::int64_t>("index", index.address == nullptr ? 0 : n);
  nb::gil_scoped_release released;
  return exact_add(x, y, at, n, sums);
}

std::int64_t scores(const Pointer &score, const Pointer &target, std::int64_t n, bool probability, int keep,
                    std::int64_t first_bits, std::int64_t half, const Pointer &counts, const Pointer &low,
                    const Pointer &high) {
  if (keep < 0 || keep > 52 || half < 1) throw nb::value_error("there are no bins of this kind; see histogram.py");
  const ScoreBins bins{probability, keep, first_bits, half, counts.get<std::int64_t>("counts", 4 * half),
                       low.get<double>("low", 2 * half), high.get<double>("high", 2 * half)};
  const auto *x = score.get<const double>("score", n);
  const auto *t = target.get<const std::int64_t>("target", n);
  nb::gil_scoped_release released;
  return count_scores(x, t, n, bins);
}

std::int64_t calibration(const Pointer &confidence, const Pointer &outcome, std::int64_t n, std::int64_t bins,
                         const Pointer &edges, const Pointer &index, const Pointer &rows, const Pointer &hits) {
  if (bins < 1) throw nb::value_error("there are no bins");
  const auto *x = confidence.get<const double>("confidence", n);
  const auto *y = outcome.get<const std::uint8_t>("outcome", n);
  const auto *inner = edges.get<const double>("edges", edges.address == nullptr ? 0 : bins - 1);
  auto *out = index.get<std::int64_t>("index", n);
  auto *all = rows.get<std::int64_t>("rows", bins), *positive = hits.get<std::int64_t>("hits", bins);
  nb::gil_scoped_release released;
  return calibrate(x, y, n, bins, inner, out, all, positive);
}

void groups(const Pointer &id, std::int64_t n, std::uint64_t seed, std::uint64_t mask, const Pointer &group) {
  const auto *x = id.get<const std::uint64_t>("id", n);
  auto *out = group.get<std::int64_t>("group", n);
  nb::gil_scoped_release released;
  hash_groups(x, n, seed, mask, out);
}

// Where each row of a column lies: its code is that of enum Column.
void *column(const Pointer &data, int type, std::int64_t n) {
  switch (static_cast<Column>(type)) {
  case Column::f32: return data.get<float>("a column", n);
  case Column::i8: return data.get<std::int8_t>("a column", n);
  case Column::i32: return data.get<std::int32_t>("a column", n);
  case Column::f64:
  case Column::i64: return data.get<double>("a column", n);
  }
  throw nb::value_error("columns are of types 0 to 4; see evaluation_blocks.hpp");
}

void make_binary_rows(BinaryRows *self, bool logits, int keep, std::int64_t first_bits, std::int64_t half,
                      std::int64_t calibration_bins, std::int64_t groups, std::int64_t worst, std::uint64_t seed) {
  if (keep < 0 || keep > 52 || half < 1 || half > (1 << 29) || calibration_bins < 1 || worst < 0 || groups < 1 ||
      groups > (1 << 16) || (groups & (groups - 1)) != 0)
    throw nb::value_error("there are no such bins or groups; see evaluation_rows.hpp");
  new (self) BinaryRows({logits, keep, first_bits, half, calibration_bins, groups, worst, seed});
}

bool update_binary_rows(BinaryRows &self, const Pointer &score, int score_type, const Pointer &target, int target_type,
                        std::int64_t n, const Pointer &id, std::uint64_t first_id) {
  const Columns columns{column(score, score_type, n), column(target, target_type, n), static_cast<Column>(score_type),
                        static_cast<Column>(target_type), n,
                        id.get<const std::uint64_t>("id", id.address == nullptr ? 0 : n), first_id};
  nb::gil_scoped_release released;
  return self.update(columns);
}

template <typename T> nb::bytes bytes_of(const std::vector<T> &values) {
  return nb::bytes(values.data(), values.size() * sizeof(T));
}

nb::dict read_binary_rows(BinaryRows &self) {
  nb::dict found;
  found["bins"] = bytes_of(self.bins);
  found["cells"] = bytes_of(self.cells);
  found["shares"] = bytes_of(self.shares);
  found["calibration"] = bytes_of(self.calibration);
  found["calibrated"] = bytes_of(self.calibrated);
  found["loss"] = nb::bytes(self.loss, sizeof self.loss);
  found["left"] = bytes_of(self.left);
  found["worst"] = bytes_of(self.worst());
  return found;
}

void check_scores(int score_type) {
  if (score_type > 1) throw nb::value_error("scores are of types 0 or 1; see evaluation_blocks.hpp");
}

nb::tuple pairs_in_order(std::uint64_t exec, const Pointer &score, int score_type, const Pointer &target,
                         int target_type, std::int64_t n) {
  check_scores(score_type);
  const ColumnData x{column(score, score_type, n), static_cast<Column>(score_type)};
  const ColumnData y{column(target, target_type, n), static_cast<Column>(target_type)};
  Pairs found;
  {
    nb::gil_scoped_release released;
    found = count_pairs_in_order(exec_from(exec), x, y, n);
  }
  return nb::make_tuple(found.twice_won[0], found.twice_won[1], found.positives, found.negatives, found.bad);
}

std::int64_t classes(std::uint64_t exec, const Pointer &target, int target_type, const Pointer &predicted,
                     int predicted_type, std::int64_t n, std::int64_t count, const Pointer &counts) {
  if (target_type < 2 || predicted_type < 2 || count < 1 || count > (1 << 20))
    throw nb::value_error("classes are of types 2 to 4, and there are 1 to 2^20; see evaluation_blocks.hpp");
  const ColumnData x{column(target, target_type, n), static_cast<Column>(target_type)};
  const ColumnData y{column(predicted, predicted_type, n), static_cast<Column>(predicted_type)};
  auto *to = counts.get<std::int64_t>("counts", count * count);
  nb::gil_scoped_release released;
  return count_classes(exec_from(exec), x, y, n, count, to);
}

nb::object confusion_of_scores(std::uint64_t exec, const Pointer &score, int score_type, const Pointer &target,
                               int target_type, std::int64_t n, double threshold) {
  check_scores(score_type);
  const ColumnData x{column(score, score_type, n), static_cast<Column>(score_type)};
  const ColumnData y{column(target, target_type, n), static_cast<Column>(target_type)};
  std::int64_t cells[4];
  bool fit;
  {
    nb::gil_scoped_release released;
    fit = count_binary(exec_from(exec), x, y, n, threshold, cells);
  }
  if (!fit) return nb::none();
  return nb::make_tuple(cells[0], cells[1], cells[2], cells[3]);
}

nb::object numbers_of_binary(std::uint64_t exec, const Pointer &score, int score_type, const Pointer &target,
                             int target_type, std::int64_t n, bool logits, std::int64_t bins) {
  check_scores(score_type);
  if (bins < 1 || bins > most_direct_bins) throw nb::value_error("there are 1 to 128 bins");
  const ColumnData x{column(score, score_type, n), static_cast<Column>(score_type)};
  const ColumnData y{column(target, target_type, n), static_cast<Column>(target_type)};
  BinaryNumbers numbers;
  numbers.rows.resize(static_cast<std::size_t>(2 * bins)), numbers.probability.resize(static_cast<std::size_t>(2 * bins));
  bool fit;
  {
    nb::gil_scoped_release released;
    fit = binary_numbers(exec_from(exec), x, y, n, logits, numbers);
  }
  if (!fit) return nb::none();
  nb::dict found;
  found["cells"] = nb::make_tuple(numbers.cells[0], numbers.cells[1], numbers.cells[2], numbers.cells[3]);
  found["loss"] = numbers.loss;
  found["squared"] = nb::make_tuple(numbers.squared.low, numbers.squared.high);
  found["rows"] = bytes_of(numbers.rows);
  found["probability"] = bytes_of(numbers.probability);
  return found;
}

nb::object numbers_of_classes(std::uint64_t exec, const Pointer &score, int score_type, const Pointer &target,
                              int target_type, std::int64_t n, std::int64_t classes, bool logits, std::int64_t bins) {
  check_scores(score_type);
  if (target_type < 2) throw nb::value_error("classes are of types 2 to 4; see evaluation_blocks.hpp");
  if (bins < 1 || bins > most_direct_bins || classes < 1 || classes > most_direct_classes)
    throw nb::value_error("there are 1 to 128 bins and 1 to 4096 classes");
  const ColumnData x{column(score, score_type, n * classes), static_cast<Column>(score_type)};
  const ColumnData y{column(target, target_type, n), static_cast<Column>(target_type)};
  ClassNumbers numbers;
  numbers.cells.resize(static_cast<std::size_t>(classes * classes));
  numbers.rows.resize(static_cast<std::size_t>(2 * bins)), numbers.confidence.resize(static_cast<std::size_t>(2 * bins));
  bool fit;
  {
    nb::gil_scoped_release released;
    fit = class_numbers(exec_from(exec), x, y, n, classes, logits, numbers);
  }
  if (!fit) return nb::none();
  nb::dict found;
  found["cells"] = bytes_of(numbers.cells);
  found["loss"] = numbers.loss;
  found["squared"] = numbers.squared;
  found["rows"] = bytes_of(numbers.rows);
  found["probability"] = bytes_of(numbers.confidence);
  return found;
}

nb::tuple numbers_of_values(std::uint64_t exec, const Pointer &prediction, int prediction_type, const Pointer &target,
                            int target_type, std::int64_t n) {
  check_scores(prediction_type), check_scores(target_type);
  const ColumnData x{column(prediction, prediction_type, n), static_cast<Column>(prediction_type)};
  const ColumnData y{column(target, target_type, n), static_cast<Column>(target_type)};
  DirectValues found;
  {
    nb::gil_scoped_release released;
    found = value_numbers(exec_from(exec), x, y, n);
  }
  return nb::make_tuple(found.error, found.absolute, found.squared, found.largest, found.mean, found.spread);
}

} // namespace

void register_evaluation(nb::module_ &module) {
  module.def("limb_window", &window, "a"_a, "b"_a.none(), "n"_a, "The limbs that sums of a, or of a * b, may touch.");
  module.def("exact_add", &add, "a"_a, "b"_a.none(), "index"_a.none(), "n"_a, "size"_a, "first"_a, "count"_a, "limbs"_a,
             "odd"_a, "Add to limbs; return the first place whose index is out of range, or -1.");
  module.def("count_scores", &scores, "score"_a, "target"_a, "n"_a, "probability"_a, "keep"_a, "first_bits"_a, "half"_a,
             "counts"_a, "low"_a, "high"_a, "Count scores by bin; return the first place of an odd target, or -1.");
  module.def("calibrate", &calibration, "confidence"_a, "outcome"_a, "n"_a, "bins"_a, "edges"_a.none(), "index"_a,
             "rows"_a, "hits"_a, "Fill in bins and count; return the first confidence outside of [0, 1], or -1.");
  module.def("hash_groups", &groups, "id"_a, "n"_a, "seed"_a, "mask"_a, "group"_a, "Fill in the group of each row.");
  module.def("pairs_in_order", &pairs_in_order, "exec"_a, "score"_a, "score_type"_a, "target"_a, "target_type"_a, "n"_a,
             "Pairs of a positive and a negative row by who has the higher score; see evaluation_whole.hpp.");
  module.def("count_classes", &classes, "exec"_a, "target"_a, "target_type"_a, "predicted"_a, "predicted_type"_a, "n"_a,
             "classes"_a, "counts"_a, "Count pairs of classes; return the first row that is out of range, or -1.");
  module.def("count_binary", &confusion_of_scores, "exec"_a, "score"_a, "score_type"_a, "target"_a, "target_type"_a,
             "n"_a, "threshold"_a, "Counts by 2 * target + (score > threshold), or None where a row is odd.");
  module.def("binary_numbers", &numbers_of_binary, "exec"_a, "score"_a, "score_type"_a, "target"_a, "target_type"_a,
             "n"_a, "logits"_a, "bins"_a, "See evaluation_direct.hpp; None where a row is odd.");
  module.def("class_numbers", &numbers_of_classes, "exec"_a, "score"_a, "score_type"_a, "target"_a, "target_type"_a,
             "n"_a, "classes"_a, "logits"_a, "bins"_a, "See evaluation_direct.hpp; None where a row is odd.");
  module.def("value_numbers", &numbers_of_values, "exec"_a, "prediction"_a, "prediction_type"_a, "target"_a,
             "target_type"_a, "n"_a, "Sums of errors, their sizes and squares, the largest; mean and spread of targets.");
  nb::class_<BinaryRows>(module, "BinaryRows", "Sums and counts of binary classifications; see evaluation_rows.hpp.")
      .def("__init__", &make_binary_rows, "logits"_a, "keep"_a, "first_bits"_a, "half"_a, "calibration_bins"_a,
           "groups"_a, "worst"_a, "seed"_a)
      .def("update", &update_binary_rows, "score"_a, "score_type"_a, "target"_a, "target_type"_a, "n"_a,
           "id"_a.none(), "first_id"_a, "Look at all rows, or at none and return False where one is out of range.")
      .def("read", &read_binary_rows, "Return all that was found, as bytes.");
  module.attr("LOSS_UNIT") = loss_unit;
  module.attr("SHARE_UNIT") = share_unit;
  module.attr("PROBABILITY_UNIT") = probability_unit;
  module.attr("FIRST_LOSS_UNIT") = first_loss_unit;
  module.attr("SECOND_LOSS_UNIT") = second_loss_unit;
  module.attr("FIRST_LIMB") = BinaryRows::first_limb;
}

} // namespace lossmith
