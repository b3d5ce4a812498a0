// Random calls of the elementwise losses and of the handlers that XLA calls, with call frames made by hand.
#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "elementwise_losses.hpp"
#include "elementwise_rows.hpp"
#include "ctc.hpp"
#include "ffi_batch_rows.hpp"
#include "ffi_call.hpp"
#include "ffi_ctc.hpp"
#include "ffi_elementwise.hpp"
#include "ffi_row_pairs.hpp"
#include "ffi_softmax.hpp"
#include "fuzz_tools.hpp"
#include "row_pairs.hpp"
#include "softmax_cross_entropy.hpp"

namespace lossmith {

// Nothing calls these, and compiling them takes its time.
#if !defined(LOSSMITH_FUZZ_ALL)
template <> SoftmaxOutcome softmax_cross_entropy(const SoftmaxCrossEntropy<double> &, const Exec &) { return {}; }
template <> SoftmaxOutcome softmax_cross_entropy(const SoftmaxCrossEntropy<Float16> &, const Exec &) { return {}; }
template <> RowPairsOutcome row_pairs(PairLoss, const RowPairs<double> &, const Exec &) { return {}; }
template <> CtcStatus ctc(const Ctc<double> &, const Exec &) { return {}; }
template <> CtcStatus ctc(const Ctc<Float16> &, const Exec &) { return {}; }
#endif

namespace {

constexpr int losses = static_cast<int>(sizeof elementwise_losses / sizeof *elementwise_losses);
const double parameters[most_parameters] = {1.5, 0.25, 0.125, 0.0625};

// ------------------------------------------------------------------------------------------ elementwise losses by rows

// Two outputs of one call, on the calling thread and on the pool: they must be the same.
template <typename Storage, ElementType type> bool rows_once() {
  using T = Compute<Storage>;
  constexpr ElementType computed = sizeof(T) == 8 ? ElementType::f64 : ElementType::f32;
  ElementwiseRows call;
  const std::int64_t columns[] = {0, 1, 2, 17, 1000, 1024, 8192, 8193, 70000};
  call.columns = chance(2) ? columns[between(0, 8)] : between(1, 300);
  if (chance(60)) call.columns = (1 << 18) + between(0, 100);
  call.rows = between(0, std::max<std::int64_t>(1, any_size() / std::max<std::int64_t>(call.columns, 1)));
  const std::int64_t size = call.rows * call.columns;
  const Array<Storage> prediction(size), first(size), second(size);
  const Array<T> target(size), weight(size), scale(call.rows), values(call.rows), again(call.rows);
  for (std::int64_t k = 0; k < size; ++k) {
    prediction.get()[k] = number<Storage>(any_value());
    target.get()[k] = static_cast<T>(any_value());
    weight.get()[k] = static_cast<T>(between(0, 9));
  }
  const bool even = chance(2);
  for (std::int64_t k = 0; k < call.rows; ++k) scale.get()[k] = even ? T(0.5) : static_cast<T>(any_value());
  call.each.loss = static_cast<int>(between(0, losses - 1));
  call.each.parameters = parameters;
  call.each.prediction = {prediction.get(), type};
  call.each.target = {target.get(), computed};
  if (elementwise_losses[call.each.loss].extra[0] != '\0') call.each.extra = {target.get(), computed};
  if (chance(2)) call.each.weight = {weight.get(), computed};
  call.factor = chance(2) ? 1.0 : 1e-3;
  call.scale = chance(2) ? scale.get() : nullptr;
  call.values = chance(8) ? nullptr : values.get();
  call.each.gradient = chance(4) ? nullptr : first.get();
  const ElementwiseStatus one = elementwise_rows(call);
  const bool valued = call.values != nullptr, sloped = call.each.gradient != nullptr;
  if (valued) call.values = again.get();
  if (sloped) call.each.gradient = second.get();
  call.each.exec = exec_from(1);
  const bool agree = one == ElementwiseStatus::done && elementwise_rows(call) == one &&
                     (!valued || same(values.get(), again.get(), call.rows, "values")) &&
                     (!sloped || same(first.get(), second.get(), size, "gradients"));
  if (!agree)
    std::printf("%s: %lld rows, %lld columns, %d bytes\n", elementwise_losses[call.each.loss].name,
                static_cast<long long>(call.rows), static_cast<long long>(call.columns),
                static_cast<int>(sizeof(Storage)));
  return agree;
}

// ----------------------------------------------------------------------------------------------------- XLA, as we play it

// Tasks that XLA was given: some begin at once, on a thread of their own, some long after the call.
struct Pool {
  std::mutex mutex;
  std::vector<std::thread> threads;
  std::vector<std::pair<void (*)(void *), void *>> late;
  bool failed = false;
} pool;

ffi::Error *create_error(ffi::ErrorCreate *call) {
  return reinterpret_cast<ffi::Error *>(new std::string(call->message));
}
void destroy_error(ffi::ErrorDestroy *call) { delete reinterpret_cast<std::string *>(call->error); }
ffi::Error *num_threads(ffi::NumThreads *call) {
  *call->threads = 4;
  return nullptr;
}
ffi::Error *schedule(ffi::Schedule *call) {
  const std::lock_guard<std::mutex> guard(pool.mutex);
  if (pool.failed) return reinterpret_cast<ffi::Error *>(new std::string("no thread is left"));
  if (pool.threads.size() < 3)
    pool.threads.emplace_back(call->task, call->data);
  else
    pool.late.emplace_back(call->task, call->data);
  return nullptr;
}
void end_of_call() {
  for (std::thread &thread : pool.threads) thread.join();
  for (const auto &[task, data] : pool.late) task(data);
  pool.threads.clear();
  pool.late.clear();
}

// A call frame that owns what it points to, but for the arrays.
class Frame {
public:
  Frame() {
    api_.struct_size = sizeof api_;
    api_.create_error = create_error;
    api_.destroy_error = destroy_error;
    api_.schedule = chance(4) ? nullptr : schedule;
    api_.num_threads = num_threads;
  }

  void argument(ffi::DataType type, void *data, std::vector<std::int64_t> sizes) { add(arguments_, type, data, sizes); }
  void result(ffi::DataType type, void *data, std::vector<std::int64_t> sizes) { add(results_, type, data, sizes); }
  void integer(const char *name, std::int64_t value) { attribute(name, ffi::scalar_kind).integer = value; }
  void number(const char *name, double value) {
    Attribute &made = attribute(name, ffi::scalar_kind);
    made.number = value;
    made.scalar.type = ffi::DataType::f64;
  }
  void text(const char *name, const char *value) {
    Attribute &made = attribute(name, ffi::text_kind);
    made.text = {value, std::strlen(value)};
  }
  // Leaves out the last array of a kind, or an attribute: what then comes must be an error.
  void spoil() {
    std::vector<std::unique_ptr<Array>> &arrays = chance(2) ? arguments_ : results_;
    if (!arrays.empty()) arrays.pop_back();
    if (chance(2) && !attributes_.empty()) attributes_.pop_back();
  }

  // Whether the handler succeeded.
  bool call(ffi::Error *(*handler)(ffi::CallFrame *)) {
    ffi::CallFrame frame{};
    frame.struct_size = sizeof frame;
    frame.api = &api_;
    std::vector<void *> given, made, items;
    std::vector<std::int32_t> given_kinds, made_kinds, kinds;
    std::vector<ffi::Text *> names;
    for (const auto &each : arguments_) given.push_back(&each->buffer), given_kinds.push_back(ffi::buffer_kind);
    for (const auto &each : results_) made.push_back(&each->buffer), made_kinds.push_back(ffi::buffer_kind);
    for (const auto &each : attributes_) {
      each->scalar.value = each->scalar.type == ffi::DataType::f64 ? static_cast<void *>(&each->number)
                                                                   : static_cast<void *>(&each->integer);
      items.push_back(each->kind == ffi::text_kind ? static_cast<void *>(&each->text)
                                                   : static_cast<void *>(&each->scalar));
      kinds.push_back(each->kind);
      names.push_back(&each->name);
    }
    frame.arguments = {sizeof frame.arguments, nullptr, count(given), given_kinds.data(), given.data()};
    frame.results = {sizeof frame.results, nullptr, count(made), made_kinds.data(), made.data()};
    frame.attributes = {sizeof frame.attributes, nullptr, count(items), kinds.data(), names.data(), items.data()};
    ffi::Error *const error = handler(&frame);
    end_of_call();
    if (error == nullptr) return true;
    delete reinterpret_cast<std::string *>(error);
    return false;
  }

private:
  struct Array {
    ffi::Buffer buffer;
    std::vector<std::int64_t> sizes;
  };
  struct Attribute {
    ffi::Text name, text;
    std::int32_t kind;
    ffi::Scalar scalar;
    std::int64_t integer;
    double number;
  };

  static void add(std::vector<std::unique_ptr<Array>> &to, ffi::DataType type, void *data,
                  const std::vector<std::int64_t> &sizes) {
    to.push_back(std::make_unique<Array>(Array{{}, sizes}));
    Array &made = *to.back();
    made.buffer = {sizeof made.buffer, nullptr,           type, data, static_cast<std::int64_t>(sizes.size()),
                   made.sizes.data()};
  }
  Attribute &attribute(const char *name, std::int32_t kind) {
    attributes_.push_back(std::make_unique<Attribute>());
    Attribute &made = *attributes_.back();
    made.name = {name, std::strlen(name)};
    made.kind = kind;
    made.scalar.type = ffi::DataType::s64;
    return made;
  }
  template <typename T> static std::int64_t count(const std::vector<T> &all) {
    return static_cast<std::int64_t>(all.size());
  }

  ffi::Api api_{};
  std::vector<std::unique_ptr<Array>> arguments_, results_;
  std::vector<std::unique_ptr<Attribute>> attributes_;
};

// The passes of one handler on one set of arrays. `columns` are those of a value; the elementwise losses have one row.
template <typename Storage> class Handler {
  using T = Compute<Storage>;

public:
  enum Kind { labels, pairs, elements, sequences, batches };

  explicit Handler(Kind kind)
      : kind_(kind), side_(between(1, 40)), rows_(kind == batches ? side_ * between(1, 3) : between(1, 40)),
        steps_(kind == sequences ? between(1, 20) : 1),
        columns_(kind == batches     ? side_
                 : kind == sequences ? steps_ * between(1, 70)
                                     : between(1, 3000)),
        most_(kind == batches ? 0 : between(0, 9)), shares_(chance(2)),
        weighted_(kind != sequences && kind != batches && chance(3)), site_(between(0, 63)),
        loss_(between(0, kind == elements  ? losses - 1
                         : kind == batches ? 4
                                           : 3)),
        prediction_(size()),
        target_(size()), gradient_(size()), again_(size()), share_(rows_), weight_(size()), values_(rows_),
        guess_(rows_), cotangent_(rows_), labels_(rows_), tokens_(rows_ * (most_ + 2)) {
    for (std::int64_t k = 0; k < size(); ++k) {
      prediction_.get()[k] = number<Storage>(any_value());
      target_.get()[k] = static_cast<T>(any_value());
      weight_.get()[k] = static_cast<T>(between(1, 4)); // of a zero the sign would be left open
    }
    for (std::int64_t row = 0; row < rows_; ++row) {
      share_.get()[row] = static_cast<T>(between(0, 3));
      cotangent_.get()[row] = static_cast<T>(any_value());
      labels_.get()[row] = chance(30) ? between(-2, columns_ + 1) : between(0, columns_ - 1);
      std::int64_t *const sequence = tokens_.get() + row * (most_ + 2); // or a group, and whether the row is present
      for (std::int64_t k = 0; k < most_; ++k) sequence[k] = between(chance(30) ? -1 : 1, columns_ / steps_);
      sequence[most_] = chance(9) ? static_cast<std::int64_t>(random_bits()) : between(0, steps_);
      sequence[most_ + 1] = chance(9) ? static_cast<std::int64_t>(random_bits()) : between(0, most_);
    }
  }

  // A wrong frame must be refused, and a right one give the same gradient whether its guess was right or not.
  bool run() {
    if (chance(4)) {
      Frame wrong = frame(between(-1, 3), gradient_.get());
      wrong.spoil();
      wrong.call(handler());
      return true;
    }
    if (!frame(0, nullptr).call(handler()) || !frame(1, gradient_.get()).call(handler())) return false;
    if (chance(2)) std::copy_n(guess_.get(), rows_, cotangent_.get());
    if (!frame(2, gradient_.get(), true).call(handler()) || !frame(2, again_.get()).call(handler())) return false;
    const bool agree = same(gradient_.get(), again_.get(), size(), "gradients of a handler");
    if (!agree)
      std::printf("kind %d, loss %lld, %lld rows, %lld columns, %d bytes, share %d, weight %d\n", static_cast<int>(kind_),
                  static_cast<long long>(loss_), static_cast<long long>(rows_), static_cast<long long>(columns_),
                  static_cast<int>(sizeof(Storage)), shares_, weighted_);
    return agree;
  }

private:
  std::int64_t size() const { return rows_ * columns_; }

  ffi::Error *(*handler() const)(ffi::CallFrame *) {
    if (kind_ == sequences) return ctc_ffi;
    if (kind_ == batches) return batch_rows_ffi;
    return kind_ == labels ? softmax_cross_entropy_ffi : kind_ == pairs ? row_pairs_ffi : elementwise_ffi;
  }

  Frame frame(std::int64_t pass, Storage *gradient, bool reuse = false) {
    constexpr auto type = sizeof(Storage) == 2 ? ffi::DataType::bf16 : ffi::DataType::f32;
    constexpr auto computed = ffi::DataType::f32;
    const std::vector<std::int64_t> rows{rows_}, classes{columns_};
    std::vector<std::int64_t> whole{rows_, columns_};
    if (kind_ == sequences) whole = {rows_, steps_, columns_ / steps_};
    if (kind_ == batches) whole = {rows_ / side_, side_, side_};
    Frame made;
    made.argument(type, prediction_.get(), whole);
    if (kind_ == sequences || kind_ == batches)
      made.argument(ffi::DataType::s64, tokens_.get(), {rows_, most_ + 2});
    else if (kind_ == labels)
      made.argument(ffi::DataType::s64, labels_.get(), rows);
    else
      made.argument(computed, target_.get(), whole);
    if (shares_) made.argument(computed, share_.get(), rows);
    if (weighted_) made.argument(computed, weight_.get(), kind_ == elements ? whole : classes);
    if (pass == 2) {
      if (reuse) made.argument(type, gradient, whole);
      made.argument(computed, guess_.get(), rows);
      made.argument(computed, cotangent_.get(), rows);
      made.result(type, gradient, whole);
    } else {
      made.result(computed, values_.get(), rows);
      if (pass != 0) made.result(type, gradient, whole);
      if (pass != 0) made.result(computed, guess_.get(), rows);
    }
    made.integer("pass", pass);
    made.integer("reuse", reuse);
    made.integer("adapts", 1);
    made.integer("site", site_);
    made.integer("shares", shares_);
    made.integer("weighted", weighted_);
    if (kind_ == sequences) made.integer("blank", 0);
    if (kind_ == sequences) made.integer("impossible_is_zero", site_ % 2);
    if (kind_ == labels) made.integer("hides", site_ % 2);
    if (kind_ == labels && site_ % 3 == 0) made.number("focal", 1.5);
    if (kind_ == pairs || (kind_ == labels && site_ % 3 != 0)) made.number("label_smoothing", 0.1);
    if (kind_ == pairs || kind_ == batches) made.integer("loss", loss_);
    if (kind_ == batches) made.integer("soft", site_ % 2);
    if (kind_ == elements) made.text("loss", elementwise_losses[loss_].name);
    return made;
  }

  const Kind kind_;
  const std::int64_t side_, rows_, steps_, columns_, most_; // of a matrix that is square; the last one of tokens
  const bool shares_, weighted_;
  const std::int64_t site_, loss_;
  const Array<Storage> prediction_;
  const Array<T> target_;
  const Array<Storage> gradient_, again_;
  const Array<T> share_, weight_, values_, guess_, cotangent_;
  const Array<std::int64_t> labels_, tokens_;
};

} // namespace

bool elements_once() {
  return rows_once<float, ElementType::f32>() && rows_once<double, ElementType::f64>() &&
         rows_once<BFloat16, ElementType::bf16>() && rows_once<Float16, ElementType::f16>();
}

bool handlers_once() {
  pool.failed = chance(8);
  return Handler<float>(Handler<float>::labels).run() && Handler<float>(Handler<float>::pairs).run() &&
         Handler<float>(Handler<float>::elements).run() && Handler<BFloat16>(Handler<BFloat16>::labels).run() &&
         Handler<BFloat16>(Handler<BFloat16>::elements).run() && Handler<float>(Handler<float>::sequences).run() &&
         Handler<BFloat16>(Handler<BFloat16>::sequences).run() && Handler<float>(Handler<float>::batches).run();
}

} // namespace lossmith
