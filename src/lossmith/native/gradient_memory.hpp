// Memory for large gradients, used again from one step to the next.
//
// A fresh gradient is paid for mostly in page faults: the system hands out and clears each page when it is first
// written, which takes several times as long as computing what goes there, and takes it back when the gradient is
// freed. So a block that is given back stays mapped, in huge pages where the system has them, and serves the next
// gradient of about its size.
//
// The policy: every block belongs to one living gradient or is idle. At most two are idle, with at most an eighth of
// the machine's memory between them; a block that would exceed that goes back to the system at once. Before a new block
// is mapped, all idle ones go back, so idle memory never adds to what a program needs.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lossmith {

// Smaller gradients come from the caller's usual allocator, which keeps them itself.
constexpr std::int64_t pooled_bytes = 4 << 20;

// How far behind where its logits begin a gradient begins, as the last twelve bits of addresses have it; a block begins
// so far behind a page. A CPU takes a load for one of what it has just stored if the last twelve bits of the two
// addresses agree, and waits; with a gradient that starts like its logits, or a little after, that happens in every line
// of rows of 1,000 or 1,024 columns, and costs up to half of the speed. No usual length of a row, added to where arrays
// usually start in a page (0 to 64), comes near this one.
constexpr std::size_t gradient_stagger = 21 * 64;

struct GradientBlock {
  void *memory = nullptr;  // at the beginning of a cache line
  std::size_t bytes = 0;   // that it takes: what was asked for, and up to two huge pages more
  void *mapping = nullptr; // what the system gave, and how much
  std::size_t mapped = 0;
};

// A block of at least that many bytes, their content undefined; null if there is no memory.
GradientBlock *take_gradient_block(std::size_t bytes);
void give_back(GradientBlock *block);

// Gives all idle blocks back to the system; returns how many bytes that were.
std::size_t trim_gradient_memory();
std::size_t idle_gradient_memory();

} // namespace lossmith
