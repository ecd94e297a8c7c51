// SPDX-License-Identifier: Apache-2.0
//
// Texts that stay, so that an entry needs no copy of its name, and limits that stay. A literal of the executable stays, as
// the executable is never unloaded. Short texts are in a table, each in a place that the bytes tell or in the place behind;
// nothing leaves the table. No lock: this copy of the library may not be the leader, and another copy's lock says nothing
// about this table.

#include "core.h"

enum { SHORT_TEXTS = 64, EMPTY = 0, WRITING, READY };

TABLE struct short_text {
  uint64_t words[2]; // the bytes, and zeros up to the end
  _Atomic uint32_t state;
} cexit__short_texts[SHORT_TEXTS];

static bool is_in_executable(const char *text) {
  static _Atomic uintptr_t begin;
  static _Atomic size_t size; // of the executable; 0: not asked for yet. Written after `begin`
  size_t known = atomic_load_explicit(&size, memory_order_acquire);
  if (!LIKELY(known != 0)) {
    uintptr_t found;
    known = cexit__executable(&found);
    atomic_store_explicit(&begin, found, memory_order_relaxed);
    atomic_store_explicit(&size, known, memory_order_release);
  }
  return (uintptr_t)text - atomic_load_explicit(&begin, memory_order_relaxed) < known;
}

static bool has(struct short_text *place, const uint64_t *words) {
  uint32_t state = atomic_load_explicit(&place->state, memory_order_acquire);
  if (!LIKELY(state != EMPTY) && atomic_compare_exchange_strong(&place->state, &state, WRITING)) {
    memcpy(place->words, words, sizeof place->words);
    atomic_store_explicit(&place->state, state = READY, memory_order_release);
  }
  return state == READY && place->words[0] == words[0] && place->words[1] == words[1];
}

const char *cexit__lasting_text(const char *text, size_t length) {
  uint64_t words[2] = {0};
  if (length >= sizeof words)
    return is_in_executable(text) && is_in_executable(text + length) && text[length] == 0 ? text : NULL;
  if (length != 0) memcpy(words, text, length);
  size_t number = (size_t)((words[0] ^ words[1] * 31) * 0x9E3779B97F4A7C15u >> 32);
  for (size_t i = number; i < number + 2; i++) {
    struct short_text *place = &cexit__short_texts[i % SHORT_TEXTS];
    if (has(place, words)) return (const char *)place->words;
  }
  return NULL;
}

uint32_t *cexit__lasting_limits(void) {
  static uint32_t limits[CEXIT_LASTING_LIMITS]; // written without a lock, each once
  return limits;
}
