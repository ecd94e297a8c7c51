// SPDX-License-Identifier: Apache-2.0
//
// The programs of Tests/Fixtures/model.c, chosen by libFuzzer in place of a generator of random numbers: each byte of its
// input is a choice. A program that does different things on the library and on the model ends in a trap. `make fuzz`.

#define FUZZED

#include <stddef.h>
#include <stdint.h>

static void begin_choices(unsigned long long seed);
static int random_below(int limit);

#include "../Fixtures/model.c"

static const uint8_t *input;
static size_t input_size, input_at;

// The library and the model read the same input, one after the other.
static void begin_choices(unsigned long long seed) {
  (void)seed;
  input_at = 0;
}

// Where the input is over, the program is, too: handlers that run then do nothing.
static int random_below(int limit) {
  if (input_at < input_size) return input[input_at++] % limit;
  operations = 0;
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  unsigned long long steps = 0;
  input = data;
  input_size = size;
  if (!is_same(0, &steps)) __builtin_trap();
  return 0;
}
