// SPDX-License-Identifier: Apache-2.0
//
// Swift objects and jobs.

#ifndef CEXIT_SWIFT_H
#define CEXIT_SWIFT_H

#include "../core/ties.h"
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
// Calls `deinit`, then runs the object's finalizers. `unowned`: its unowned references, if Swift may have put the deinit
// off to another thread; else 0.
void cexit__object_dies(void *object, cexit__deinit *deinit, size_t unowned);
void cexit__finalizers_thread_ended(void);

// ---- exit_observers.c

void cexit__exit_called(const int *status); // by a thread that may be at work for a handler of another; NULL: not known

#pragma GCC visibility pop
#endif
