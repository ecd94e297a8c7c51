// SPDX-License-Identifier: Apache-2.0
//
// CExitOrder: one exact order with everybody else's exit handlers. There is nothing to call: link it into the executable
// (or name its shared library in LD_PRELOAD), and what others give to libc's atexit, on_exit or __cxa_atexit, the
// destructors of C++ objects with static storage among them, runs at its place in time among the entries of the process
// stack: newest first, whoever registered.
//
// Without it the process stack has the place of its first registration, or of the last cexit_mark. What others registered
// after that runs before it, whatever was registered on the stack later.
//
// It stands in front of libc's functions for all objects of the process, and sees their registrations; the handlers stay
// in libc's hands. It costs a lock at each of those, and at the next registration on the stack after them a new slot in
// libc's list. Phases and nested stacks keep their order: early, normal and late entries and the contents of a nested
// stack do not mix with others' handlers for it.
//
// In a static executable libc's own functions cannot be stood in front of; link that with -Wl,--wrap=__cxa_atexit, as
// `pkg-config --static` says.

#ifndef CEXITORDER_H
#define CEXITORDER_H

#include <CExitShim.h>

#endif
