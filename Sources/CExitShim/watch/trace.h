// SPDX-License-Identifier: Apache-2.0
//
// The trace: trace.c is told each moment (core/trace.h), finds out what the sinks need, and tells the sinks, with a lock of
// the trace's own: trace_file.c, trace_table.c, live_line.c.

#ifndef CEXIT_TRACE_SINKS_H
#define CEXIT_TRACE_SINKS_H

#include "watch.h"

#pragma GCC visibility push(hidden)

enum outcome { OK, FAILED, GONE }; // GONE: the thread left the handler by another way than its end

struct told { // a moment, for the sinks
  enum moment moment;
  uint64_t time; // nanoseconds
  pid_t thread;
  const char *text;    // name of the handler, of a wait, of the door; the error
  const char *handler; // that fails
  // A handler that begins, ends, is registered or cancelled:
  const struct entry *entry;
  uint32_t index;    // of the entry, by which the events of one registration know each other
  const char *stack; // the name of its stack; NULL: the process stack
  size_t number;     // as in cexit_pending
  uint32_t depth;
  uint64_t took; // at its end
  enum outcome outcome;
  bool goes_on; // another event follows at once
};

// trace_wishes.c: what the environment asks for. Written once, before the trace is told a moment.
extern struct trace_wishes {
  bool table;
  uint64_t slow;    // handlers that take more nanoseconds are told of; 0: not asked for
  const char *path; // of the file, with "%p" for the process id; NULL: none
} cexit__trace_wishes;

void cexit__trace_file_tell(const struct told *told);
void cexit__trace_file_not_run(const struct told *told, const cexit_pending *seen, const char *why);
void cexit__trace_file_end(const struct told *told, size_t ran, size_t failed);
void cexit__trace_file_forked(void);
void cexit__trace_file_drop(void); // the lines that are not written yet, of which one may be half a line

void cexit__trace_table_begin(const struct told *told);
void cexit__trace_table_end(const struct told *told);
void cexit__trace_table_failed(const char *error);
void cexit__trace_table_not_run(const cexit_pending *seen, const char *why);
void cexit__trace_table_print(void);
void cexit__trace_table_forked(void);

void cexit__live_line_set_up(void);
void cexit__live_line_clear(void);

extern _Atomic uintptr_t cexit__trace_word; // the lock

#pragma GCC visibility pop
#endif
