// SPDX-License-Identifier: Apache-2.0
//
// Where a run is observed: reports, deadline, crash note and trace alike. One word says whether anything observes; a
// handler that starts and a handler that ends read the word once each (run/frame.c). Only the trace hears of more: it
// is told each moment below through the table of hooks.

#ifndef CEXIT_TRACE_H
#define CEXIT_TRACE_H

#include "core.h"

enum { OBSERVED_FOR_TIME = 1, OBSERVED_FOR_CRASHES = 2, OBSERVED_FOR_TRACE = 4 };

#pragma GCC visibility push(hidden)
extern _Atomic unsigned cexit__observed;
#pragma GCC visibility pop

ALWAYS_INLINE bool is_observed(unsigned reasons) {
  return (atomic_load_explicit(&cexit__observed, memory_order_relaxed) & reasons) != 0;
}

enum moment {
  MOMENT_EXIT_BEGINS,    // subject: the door, a text
  MOMENT_EXIT_ENDS,      // nothing more runs; subject: NULL
  MOMENT_HANDLER_BEGINS, // subject: the frame
  MOMENT_HANDLER_ENDS,   // subject: the frame
  MOMENT_HANDLER_FAILS,  // subject: the error, a text
  MOMENT_WAIT_BEGINS,    // subject: what the thread waits for, a text
  MOMENT_WAIT_ENDS,
  MOMENT_FOREIGN_BEGINS, // libc calls functions that are not of this library; subject: when, a text
  MOMENT_FOREIGN_ENDS,
  MOMENT_REFUSED,    // a registration failed; subject: the entry
  MOMENT_REGISTERED, // for a file alone; subject: a copy of the entry, its index in `older`, its number in `newer`
  MOMENT_CANCELLED   // by name, by handle or with its stack; for a file alone; subject: the same
};

static inline void trace(enum moment moment, const void *subject) {
  if (__builtin_expect(is_observed(OBSERVED_FOR_TRACE), 0)) cexit__hooks.trace(moment, subject);
}

static inline void trace_registration(enum moment moment, const struct entry *entry) {
  if (__builtin_expect(cexit__process.told, 0)) cexit__hooks.trace(moment, entry);
}

#endif
