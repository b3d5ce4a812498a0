// Targets of CTC as JAX and TensorFlow hand them over: one array (samples, S + 2) of the tokens, how many of the steps
// belong to each sequence, and how many of the tokens.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "ctc.hpp"

namespace lossmith {

class CtcTargets {
public:
  // Throws std::bad_alloc.
  template <typename Integer>
  CtcTargets(const Integer *packed, std::int64_t samples, std::int64_t columns)
      : most_(std::max<std::int64_t>(columns - 2, 1)), tokens_(static_cast<std::size_t>(samples * most_)) {
    for (std::int64_t sample = 0; sample < samples; ++sample, packed += columns) {
      std::int64_t *const tokens = tokens_.data() + sample * most_;
      std::copy_n(packed, columns - 2, tokens);
      steps_.push_back(packed[columns - 2]);
      counts_.push_back(packed[columns - 1]);
      if (counts_.back() >= 0 && counts_.back() <= columns - 2) continue;
      counts_.back() = 1; // nobody has checked the counts: a token that is no class makes the sequence NaN
      tokens[0] = -1;
    }
  }

  template <typename Storage> void give_to(Ctc<Storage> &call) const {
    call.most_tokens = most_;
    call.tokens = tokens_.data();
    call.step_counts = steps_.data();
    call.token_counts = counts_.data();
  }

private:
  const std::int64_t most_;
  std::vector<std::int64_t> tokens_, steps_, counts_;
};

} // namespace lossmith
