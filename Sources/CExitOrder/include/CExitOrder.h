// SPDX-License-Identifier: Apache-2.0
//
// CExitOrder: one exact order with the exit handlers of all other code. There is nothing to call: link CExitOrder into the
// executable (or name the shared library in LD_PRELOAD). Handlers given to libc's atexit, on_exit or __cxa_atexit, the
// destructors of C++ objects with static storage among them, then run in one order with the entries of the process stack:
// newest first, by time of registration.
//
// Without CExitOrder the process stack has the place of the stack's first registration, or of the last cexit_mark: younger
// handlers of libc's run before the stack, older ones after the stack. With CExitOrder cexit_exit keeps the one order, and
// runs nothing in front of libc's exit. Not together with CExitFirst, which is the other choice.
//
// CExitOrder defines libc's functions in front of libc's own, for all objects of the process, and sees registrations; libc
// keeps and calls the handlers. The cost is a lock at each such registration, and a new slot in libc's list at the next
// registration on the stack. Phases and nested stacks keep their order: early, normal and late entries and the contents of
// a nested stack do not mix with other handlers.
//
// In a static executable libc's own functions cannot be stood in front of; link that with -Wl,--wrap=__cxa_atexit, and
// with musl also with -Wl,--wrap=atexit, as `pkg-config --static` says.

#ifndef CEXITORDER_H
#define CEXITORDER_H

#include <CExitShim.h>

#endif
