// CTC for one element type, LOSSMITH_STORAGE. In two rounds: the softmax of all steps, each by itself, then the trellis of each sequence.
//
// The first round is a call of the softmax kernel with the blank as everybody's label: it gives log sum exp of every step
// and fills the gradient with scale * q. The second one needs of a step no more than the classes of the tokens and the
// blank, and these alone have another gradient, which it puts in their place.
#include "ctc.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <numeric>
#include <vector>

#include "ctc_trellis.hpp"
#include "half.hpp"
#include "softmax_cross_entropy.hpp"

namespace lossmith {
namespace {

// States that are worth a thread.
constexpr std::int64_t states_per_chunk = 1 << 13;

// Workspaces that no thread is using.
class Workspaces {
public:
  struct Workspace {
    std::unique_ptr<double[]> memory;
    std::int64_t size = 0;
  };

  Workspace take(std::int64_t size) {
    Workspace found;
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      if (!idle_.empty()) {
        found = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    if (found.size < size) {
      found.memory.reset();
      found.memory.reset(new double[static_cast<std::size_t>(size)]);
      found.size = size;
    }
    return found;
  }

  void give(Workspace workspace) {
    const std::lock_guard<std::mutex> guard(mutex_);
    idle_.push_back(std::move(workspace));
  }

private:
  std::mutex mutex_;
  std::vector<Workspace> idle_;
};

// The call, and what the first round found.
template <typename Storage> struct CtcJob : Ctc<Storage> {
  using T = Compute<Storage>;
  const double *log_sum_exp = nullptr; // (rows)

  explicit CtcJob(const Ctc<Storage> &call) : Ctc<Storage>(call) {}

  std::int64_t row(std::int64_t sample, std::int64_t step) const {
    return this->steps_first ? step * this->samples + sample : sample * this->steps + step;
  }
  std::int64_t steps_of(std::int64_t sample) const { return within(this->step_counts, sample, this->steps); }
  std::int64_t tokens_of(std::int64_t sample) const { return within(this->token_counts, sample, this->most_tokens); }
  double scale_of(std::int64_t sample) const {
    return this->scale == nullptr ? this->factor : this->factor * static_cast<double>(this->scale[sample]);
  }
  void fill(std::int64_t sample, std::int64_t count, double value) const {
    const Storage element = element_of<Storage>(static_cast<T>(value));
    for (std::int64_t step = 0; this->gradient != nullptr && step < count; ++step)
      std::fill_n(this->gradient + row(sample, step) * this->classes, this->classes, element);
  }

private:
  static std::int64_t within(const std::int64_t *counts, std::int64_t sample, std::int64_t most) {
    return counts == nullptr ? most : std::clamp<std::int64_t>(counts[sample], 0, most);
  }
};

// The classes among the tokens, each once, and which of them each token is. Class 0 of these is the blank.
struct Alphabet {
  std::vector<std::int64_t> classes, place;

  Alphabet(const std::int64_t *tokens, std::int64_t count, std::int64_t blank)
      : classes{blank}, place(static_cast<std::size_t>(count)) {
    std::vector<std::int64_t> order(place.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return tokens[a] < tokens[b]; });
    for (const std::int64_t at : order) {
      if (classes.size() == 1 || classes.back() != tokens[at]) classes.push_back(tokens[at]);
      place[static_cast<std::size_t>(at)] = static_cast<std::int64_t>(classes.size()) - 1;
    }
  }
};

template <typename Storage>
void write_gradient(const CtcJob<Storage> &job, std::int64_t sample, const Trellis &trellis, const std::int64_t *tokens) {
  using T = Compute<Storage>;
  const Alphabet alphabet(tokens, trellis.tokens, job.blank);
  const double scale = job.scale_of(sample);
  std::vector<double> shares(alphabet.classes.size()), probabilities(alphabet.classes.size());
  for (std::int64_t step = 0; step < trellis.steps; ++step) {
    const Masses blank = trellis.blank(step + 1), token = trellis.token(step + 1);
    std::fill(shares.begin(), shares.end(), 0.0);
    shares[0] = blank.m[0];
    probabilities[0] = blank.m[blank.stride];
    for (std::int64_t k = 0; k < trellis.tokens; ++k) {
      const auto place = static_cast<std::size_t>(alphabet.place[static_cast<std::size_t>(k)]);
      shares[place] += token.m[k + 1];
      probabilities[place] = token.m[token.stride + k + 1];
    }
    Storage *const gradient = job.gradient + job.row(sample, step) * job.classes;
    for (std::size_t i = 0; i < shares.size(); ++i)
      gradient[alphabet.classes[i]] = element_of<Storage>(static_cast<T>(scale * (probabilities[i] - shares[i])));
  }
}

// Log-probabilities of the tokens and the blank at every step; false if one is NaN.
template <typename Storage>
bool read_emissions(const CtcJob<Storage> &job, std::int64_t sample, const Trellis &trellis, const std::int64_t *tokens) {
  for (std::int64_t step = 0; step < trellis.steps; ++step) {
    const std::int64_t row = job.row(sample, step);
    const Storage *const logits = job.logits + row * job.classes;
    const double log_sum_exp = job.log_sum_exp[row];
    if (!(log_sum_exp == log_sum_exp)) return false;
    double *const emitted = trellis.emitted(step).m;
    std::fill_n(emitted - Trellis::lanes, trellis.stride, never);
    emitted[-1] = static_cast<double>(value_of(logits[job.blank])) - log_sum_exp;
    for (std::int64_t k = 0; k < trellis.tokens; ++k)
      emitted[k + 1] = static_cast<double>(value_of(logits[tokens[k]])) - log_sum_exp;
  }
  return true;
}

bool all_tokens(const std::int64_t *tokens, std::int64_t count, std::int64_t blank, std::int64_t classes) {
  return std::all_of(tokens, tokens + count,
                     [&](std::int64_t token) { return token >= 0 && token < classes && token != blank; });
}

// The value of one sequence; fills what of its gradient is not scale * q.
template <typename Storage> double sequence(const CtcJob<Storage> &job, std::int64_t sample, Workspaces &workspaces) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const std::int64_t count = job.tokens_of(sample), *const tokens = job.tokens + sample * job.most_tokens;
  if (!all_tokens(tokens, count, job.blank, job.classes)) {
    job.fill(sample, job.steps, nan);
    return nan;
  }
  Trellis trellis(job.steps_of(sample), count, job.gradient != nullptr, nullptr);
  Workspaces::Workspace workspace = workspaces.take(trellis.size());
  trellis.memory = workspace.memory.get();
  double value = nan;
  if (read_emissions(job, sample, trellis, tokens)) {
    std::fill_n(trellis.change() - Trellis::lanes, trellis.stride, 0.0);
    for (std::int64_t k = 1; k < count; ++k)
      if (tokens[k] == tokens[k - 1]) trellis.change()[k + 1] = never * log2_e;
    const Total total = go_forward(trellis);
    value = -(std::log(total.m) + total.e * log_2);
    if (-value > never / 2) {
      if (job.gradient != nullptr) {
        go_back(trellis, total);
        write_gradient(job, sample, trellis, tokens);
      }
    } else {
      job.fill(sample, trellis.steps, 0.0);
      value = job.impossible_is_zero ? 0.0 : infinity<double>;
    }
  } else {
    job.fill(sample, trellis.steps, nan);
  }
  workspaces.give(std::move(workspace));
  return value;
}

// Fills the gradient with scale * q and `log_sum_exp`; false if there is no memory.
template <typename Storage>
bool softmax_of_steps(const CtcJob<Storage> &job, double *log_sum_exp, const Exec &exec) {
  using T = Compute<Storage>;
  const auto rows = static_cast<std::size_t>(job.samples * job.steps);
  const std::vector<std::int64_t> labels(rows, job.blank);
  std::vector<std::uint8_t> keep(job.step_counts == nullptr ? 0 : rows);
  std::vector<T> scale(job.scale == nullptr ? 0 : rows);
  for (std::int64_t sample = 0; sample < job.samples; ++sample)
    for (std::int64_t step = 0; step < job.steps; ++step) {
      const auto row = static_cast<std::size_t>(job.row(sample, step));
      if (!keep.empty()) keep[row] = step < job.steps_of(sample);
      if (!scale.empty()) scale[row] = job.scale[sample];
    }
  SoftmaxCrossEntropy<Storage> call;
  call.rows = static_cast<std::int64_t>(rows);
  call.classes = job.classes;
  call.logits = job.logits;
  call.labels = labels.data();
  call.keep = keep.empty() ? nullptr : keep.data();
  call.scale = scale.empty() ? nullptr : scale.data();
  call.factor = job.factor;
  call.log_sum_exp = log_sum_exp;
  call.gradient = job.gradient;
  return !softmax_cross_entropy(call, exec).out_of_memory;
}

template <typename Storage> CtcStatus run(CtcJob<Storage> job, const Exec &exec) {
  if (job.blank < 0 || job.blank >= job.classes) return CtcStatus::bad_blank;
  const std::unique_ptr<double[]> log_sum_exp(new double[static_cast<std::size_t>(job.samples * job.steps)]);
  job.log_sum_exp = log_sum_exp.get();
  if (!softmax_of_steps(job, log_sum_exp.get(), exec)) return CtcStatus::out_of_memory;
  const std::int64_t states = std::max<std::int64_t>(job.steps * (2 * job.most_tokens + 1), 1);
  Workspaces workspaces;
  std::atomic<bool> out_of_memory{false};
  const std::int64_t grain = std::max<std::int64_t>(states_per_chunk / states, 1);
  for_chunks(exec, job.samples, grain, [&](std::int64_t, std::int64_t begin, std::int64_t end) {
    try {
      for (std::int64_t sample = begin; sample < end; ++sample) {
        const double value = sequence(job, sample, workspaces);
        if (job.values != nullptr) job.values[sample] = static_cast<Compute<Storage>>(value);
      }
    } catch (const std::bad_alloc &) {
      out_of_memory = true;
    }
  });
  return out_of_memory ? CtcStatus::out_of_memory : CtcStatus::done;
}

} // namespace

template <typename Storage> CtcStatus ctc(const Ctc<Storage> &call, const Exec &exec) {
  try {
    return run(CtcJob<Storage>(call), exec);
  } catch (const std::bad_alloc &) {
    return CtcStatus::out_of_memory;
  }
}

template CtcStatus ctc(const Ctc<LOSSMITH_STORAGE> &, const Exec &);

} // namespace lossmith
