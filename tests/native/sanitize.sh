#!/bin/sh
# The kernels, XLA's handlers and the pool under AddressSanitizer with UndefinedBehaviorSanitizer, then ThreadSanitizer.
# usage: tests/native/sanitize.sh [seconds per run]; needs g++ and no Python. A minute of compiling; two if it runs long.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-20}
# In a short run the big kernels take longer to optimise than to run.
big=-O1
[ "$seconds" -ge 15 ] || big=-O0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
native=src/lossmith/native
for kind in address,undefined thread; do
  flags="-std=c++17 -g -O1 -march=native -DLOSSMITH_ONE_CPU -I$native -Wall -Wextra -Wno-psabi -fno-math-errno"
  flags="$flags -fno-trapping-math -pthread -fsanitize=$kind -fno-sanitize-recover=all"
  for storage in float BFloat16; do
    g++ $flags $big -DLOSSMITH_STORAGE=$storage -c $native/softmax_cross_entropy.cpp -o "$work/$storage.o" &
    g++ $flags $big -DLOSSMITH_STORAGE=$storage -c $native/row_pairs.cpp -o "$work/pairs_$storage.o" &
    g++ $flags -DLOSSMITH_STORAGE=$storage -c $native/ctc.cpp -o "$work/ctc_$storage.o" &
  done
  for storage in float double; do
    g++ $flags -DLOSSMITH_STORAGE=$storage -c $native/batch_rows.cpp -o "$work/batch_$storage.o" &
    g++ $flags -DLOSSMITH_STORAGE=$storage -c $native/batch_matrix.cpp -o "$work/matrix_$storage.o" &
  done
  g++ $flags -c $native/ctc_trellis.cpp -o "$work/trellis.o" &
  g++ $flags -c tests/native/fuzz_batches.cpp -o "$work/fuzz_batches.o" &
  g++ $flags -c tests/native/fuzz.cpp -o "$work/fuzz.o"
  # What calls the kernels need not be fast, and is compiled sooner.
  for file in $native/elementwise_rows $native/ffi_batch_rows $native/ffi_call $native/ffi_ctc $native/ffi_elementwise \
    $native/ffi_row_pairs $native/ffi_softmax tests/native/fuzz_calls; do
    g++ $flags -O0 -c $file.cpp -o "$work/$(basename $file).o"
  done
  for file in $native/evaluation $native/evaluation_direct $native/evaluation_rows $native/evaluation_whole $native/evaluation_baseline \
    $native/evaluation_avx2 $native/evaluation_avx512 tests/native/fuzz_evaluation; do
    g++ $flags -O0 -ffp-contract=off -ULOSSMITH_ONE_CPU -c $file.cpp -o "$work/$(basename $file).o"
  done
  g++ $flags -ffp-contract=off -c $native/elementwise.cpp -o "$work/elementwise.o"
  g++ $flags -ffp-contract=off -ULOSSMITH_ONE_CPU -c tests/native/fuzz_formulas.cpp -o "$work/formulas.o"
  g++ $flags -c $native/pool.cpp -o "$work/pool.o"
  g++ $flags -c $native/gradient_memory.cpp -o "$work/memory.o"
  wait
  g++ $flags "$work"/*.o -o "$work/fuzz"
  rm "$work/fuzz.o"
  g++ $flags tests/native/fuzz_ctc.cpp "$work"/*.o -o "$work/fuzz_ctc"
  LOSSMITH_CPU=baseline ASAN_OPTIONS=detect_leaks=0 "$work/fuzz" "$seconds" "$(date +%s)"
  LOSSMITH_CPU=baseline ASAN_OPTIONS=detect_leaks=0 "$work/fuzz_ctc" "$((seconds / 4 + 1))" "$(date +%s)"
done
