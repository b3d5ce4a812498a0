// Passes through the trellis of CTC, as many states at once as there are lanes.
#include "ctc_trellis.hpp"

#include "lanes_math.hpp"

namespace lossmith {
namespace {

// m * 2^e, with e a whole number. 0 is 1 * 2^(never log2(e)), and whatever a product with that gives.
struct Mass {
  Lanes<double> m, e;
};

// 2^d for whole d < 1024; 0 below the normal numbers.
LOSSMITH_INLINE Lanes<double> power_of_two(Lanes<double> d) {
  const auto bits = bit_cast<LaneTypes<double>::Bits>(d + Exp<double>::round) << Exp<double>::mantissa_bits;
  return d < -1022.0 ? Lanes<double>{} : bit_cast<Lanes<double>>(bits);
}

// The same number with 1 <= m < 2.
LOSSMITH_INLINE Mass normal(Mass x) {
  using Word = LaneTypes<double>::Word;
  constexpr Word one = 0x3ff0000000000000, two_52 = 0x4330000000000000, digits = 0x000fffffffffffff;
  const auto bits = bit_cast<LaneTypes<double>::Bits>(x.m);
  const auto exponent = bit_cast<Lanes<double>>((bits >> Exp<double>::mantissa_bits) | two_52);
  return {bit_cast<Lanes<double>>((bits & digits) | one), x.e + (exponent - (4503599627370496.0 + 1023.0))};
}

// Not normal; nor are the products.
LOSSMITH_INLINE Mass sum(Mass a, Mass b) {
  const Lanes<double> e = larger<double>(a.e, b.e);
  return {a.m * power_of_two(a.e - e) + b.m * power_of_two(b.e - e), e};
}
LOSSMITH_INLINE Mass sum(Mass a, Mass b, Mass c) {
  const Lanes<double> e = larger<double>(larger<double>(a.e, b.e), c.e);
  return {a.m * power_of_two(a.e - e) + b.m * power_of_two(b.e - e) + c.m * power_of_two(c.e - e), e};
}
LOSSMITH_INLINE Mass product(Mass a, Mass b) { return {a.m * b.m, a.e + b.e}; }

// exp of lanes of log-probabilities; m is about 1.
LOSSMITH_INLINE Mass exp_mass(Lanes<double> x) {
  using E = Exp<double>;
  x = x < never ? broadcast(never) : x;
  const Lanes<double> power = x * E::log2e;
  const Lanes<double> e = power > -1e15 ? (power + E::round) - E::round : power; // beyond that they are whole
  const Lanes<double> r = (x - e * E::ln2_high) - e * E::ln2_low;
  // Where the digits do not reach down to the fraction, any fraction will do.
  return {exp_fraction<double>(r > 0.5 ? broadcast(0.5) : r < -0.5 ? broadcast(-0.5) : r), e};
}

LOSSMITH_INLINE Mass get(Masses from, std::int64_t k) { return {load(from.m + k), load(from.e() + k)}; }
LOSSMITH_INLINE void set(Masses to, std::int64_t k, Mass mass) {
  store<double>(to.m + k, mass.m);
  store<double>(to.e() + k, mass.e);
}
LOSSMITH_INLINE void set_one(Masses to, std::int64_t k, double m, double e) {
  to.m[k] = m;
  to.e()[k] = e;
}

// Every element as 0, those beside the states included.
LOSSMITH_INLINE void clear(Masses masses, std::int64_t stride) {
  for (std::int64_t k = -Trellis::lanes; k < stride - Trellis::lanes; k += Trellis::lanes)
    set(masses, k, {broadcast(1.0), broadcast(never * log2_e)});
}

// Log-probabilities, where the emissions' m will be, as masses.
LOSSMITH_INLINE void take_emissions(const Trellis &trellis) {
  for (std::int64_t step = 0; step < trellis.steps; ++step) {
    const Masses emitted = trellis.emitted(step);
    for (std::int64_t k = -Trellis::lanes; k < trellis.width + Trellis::lanes; k += Trellis::lanes)
      set(emitted, k, exp_mass(load(emitted.m + k)));
  }
}

LOSSMITH_INLINE Mass blank_emission(Masses emitted) {
  return {broadcast(emitted.m[-1]), broadcast(emitted.e()[-1])};
}

LOSSMITH_EVERY_CPU Total forward(const Trellis &trellis) {
  take_emissions(trellis);
  clear(trellis.blank(0), trellis.stride);
  clear(trellis.token(0), trellis.stride);
  set_one(trellis.blank(0), 0, 1.0, 0.0); // certainly nothing written
  const double *const change = trellis.change();
  for (std::int64_t step = 0; step < trellis.steps; ++step) {
    const Masses blank = trellis.blank(step), token = trellis.token(step), emitted = trellis.emitted(step);
    const Masses new_blank = trellis.blank(step + 1), new_token = trellis.token(step + 1);
    const Mass on_blank = blank_emission(emitted);
    const Mass nothing{broadcast(1.0), broadcast(never * log2_e)};
    set(new_blank, -Trellis::lanes, nothing);
    set(new_token, -Trellis::lanes, nothing);
    for (std::int64_t k = 0; k < trellis.width; k += Trellis::lanes) {
      const Mass at_blank = get(blank, k), at_token = get(token, k);
      Mass skipped = get(token, k - 1);
      skipped.e += load(change + k);
      set(new_blank, k, normal(product(on_blank, sum(at_blank, at_token))));
      set(new_token, k, normal(product(get(emitted, k), sum(at_token, get(blank, k - 1), skipped))));
    }
  }
  const Masses blank = trellis.blank(trellis.steps), token = trellis.token(trellis.steps);
  const auto last = [&](Masses states) LOSSMITH_INLINED -> Mass {
    return {broadcast(states.m[trellis.tokens]), broadcast(states.e()[trellis.tokens])};
  };
  const Mass total = normal(sum(last(blank), last(token)));
  return {max_across<double>(total.m), max_across<double>(total.e)};
}

// m * 2^e as it is, where e <= 1 but for rounding.
LOSSMITH_INLINE Lanes<double> plain_number(Mass x) { return x.m * power_of_two(x.e > 1.0 ? broadcast(1.0) : x.e); }

LOSSMITH_EVERY_CPU void back(const Trellis &trellis, Total total) {
  const Masses blank_rest = trellis.blank_rest(), token_rest = trellis.token_rest();
  clear(blank_rest, trellis.stride);
  clear(token_rest, trellis.stride);
  set_one(blank_rest, trellis.tokens, 1.0, 0.0);
  if (trellis.tokens > 0) set_one(token_rest, trellis.tokens, 1.0, 0.0);
  const double *const change = trellis.change();
  const Mass over_total{broadcast(1.0 / total.m), broadcast(-total.e)};
  for (std::int64_t step = trellis.steps; step-- > 0;) {
    const Masses blank = trellis.blank(step + 1), token = trellis.token(step + 1), emitted = trellis.emitted(step);
    const Mass on_blank = blank_emission(emitted);
    Lanes<double> blanks{};
    for (std::int64_t k = 0; k < trellis.width; k += Trellis::lanes) {
      const Mass from_blank = get(blank_rest, k), from_token = get(token_rest, k), on_token = get(emitted, k);
      blanks += plain_number(product(product(get(blank, k), from_blank), over_total));
      const Lanes<double> share = plain_number(product(product(get(token, k), from_token), over_total));
      set(token, k, {share, plain_number(on_token)});

      // The lanes that begin at k + 1 are not written yet, but for the ones that are read here.
      const Mass to_blank = product(on_blank, from_blank);
      const Mass to_next = product(get(emitted, k + 1), get(token_rest, k + 1));
      Mass to_other = to_next;
      to_other.e += load(change + k + 1);
      set(blank_rest, k, normal(sum(to_blank, to_next)));
      set(token_rest, k, normal(sum(product(on_token, from_token), to_blank, to_other)));
    }
    set_one(blank, 0, sum_across<double>(blanks), max_across<double>(plain_number(on_blank)));
  }
}

} // namespace

Total go_forward(const Trellis &trellis) { return forward(trellis); }
void go_back(const Trellis &trellis, Total total) { back(trellis, total); }

} // namespace lossmith
