// SPDX-License-Identifier: Apache-2.0
//
// Watching the exit: deadline, crash note, lines on stderr.

#ifndef CEXIT_WATCH_H
#define CEXIT_WATCH_H

#include "../exit/exit.h"
#include "../platform/text.h"

#pragma GCC visibility push(hidden)

// ---- deadline.c

extern _Atomic uint64_t cexit__deadline_length; // nanoseconds; 0: none

void cexit__watch_exit(void); // the exit is this thread's
void cexit__watch_forked(void);
void cexit__long_wait(void); // on a thread that has waited, perhaps for the exit

// ---- crash.c

void cexit__crash_note_begin(void); // on the thread that exits
void cexit__crash_note_end(void);

// ---- broken_pipe.c

void cexit__broken_pipe_begin(void);
void cexit__broken_pipe_end(void);

// ---- background_thread.c

int cexit__helper_start(_Atomic uint32_t *home, void *(*run)(void *),
                        const char *name); // once a process; 0 or an errno
void cexit__helpers_thread_ended(void);
void cexit__helpers_forked(void);

// ---- report.c

struct note {
  size_t length;
  char text[1024];
};
void cexit__note(struct note *note, const char *format, ...); // adds; see cexit__text
void cexit__note_begin(struct note *note);                    // empty, but for the name of the library
void cexit__note_seconds(struct note *note, const char *before, uint64_t nanoseconds);
void cexit__note_signal(struct note *note, int number); // "SIGTERM", or "signal 40"
int cexit__signal_named(const char *name);              // "USR1", "SIGUSR1", "10"; 0: not understood
void cexit__note_place(struct note *note, const char *file, uint32_t line);
void cexit__note_handler(struct note *note, const struct entry *entry);
void cexit__note_subject(struct note *note, const char *name, const void *function, const char *file, uint32_t line);
void cexit__note_write(struct note *note); // as one line on stderr
void cexit__say(const char *format, ...);  // a line on stderr, behind the name of the library

// ---- trace.c

void cexit__trace(int moment, const void *subject);
void cexit__trace_look(void); // at the environment: for the first registration to be told
void cexit__trace_set_up(void);
void cexit__trace_forked(void);
void cexit__trace_let_go(void);  // this thread exits, and never comes back to an event that a signal interrupted
void cexit__trace_cut_off(void); // in a signal handler, before the process dies in the middle of an exit

// ---- dump.c

int cexit__dump_stack(int file, cexit_stack *stack, uint32_t depth); // 0 or an errno value

#pragma GCC visibility pop
#endif
