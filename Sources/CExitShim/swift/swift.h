// SPDX-License-Identifier: Apache-2.0
//
// Swift objects and jobs.

#ifndef CEXIT_SWIFT_H
#define CEXIT_SWIFT_H

#include "../exit/exit.h"

#pragma GCC visibility push(hidden)

// ---- finalizer.c and deinit_hook.c

#if defined(__clang__) && (defined(__x86_64__) || defined(__aarch64__))
#define CAN_WATCH 1
#define SWIFT_CALL __attribute__((swiftcall))
#define SWIFT_SELF __attribute__((swift_context))
#else
#define CAN_WATCH 0 // not the compiler that comes with Swift, or a platform that this was never tried on
#define SWIFT_CALL
#define SWIFT_SELF
#endif
#define RUNTIME __attribute__((weak, visibility("default"))) // a function of Swift's runtime; NULL in a C program

typedef SWIFT_CALL void cexit__deinit(SWIFT_SELF void *object); // the function of a class that frees an object
// Calls `deinit`, then runs the object's finalizers. `hops`: Swift may have put the deinit off to another thread.
void cexit__object_dies(void *object, cexit__deinit *deinit, bool hops);
void cexit__finalizers_thread_ended(void);

// ---- object_table.c

struct ready { // a finalizer that was taken out of the table, with its reference to the object
  cexit_handler handler;
  void *object;
  uint32_t place;
};
extern _Atomic bool cexit__any_unwatched;                                               // since the process began
int cexit__node_tie(cexit_finalizer *node, void *object, uint32_t place, bool watched); // 0 or EDEADLK
void *cexit__node_untie(cexit_finalizer *node); // the object; NULL: it was not tied
void *cexit__node_object(const cexit_finalizer *node, void *(*retain)(void *object));
uint32_t cexit__nodes_take(void *object, struct ready *out, uint32_t room); // newest first; how many
uint32_t cexit__nodes_sweep(bool again, bool (*is_dead)(void *object), struct ready *out, uint32_t room);
void cexit__table_before_fork(void);
void cexit__table_after_fork(void);
void cexit__table_forked(void); // this process is a child that before_fork was not called for

// ---- exit_observers.c

void cexit__exit_called(const int *status); // by a thread that may be at work for a handler of another; NULL: not known

#pragma GCC visibility pop
#endif
