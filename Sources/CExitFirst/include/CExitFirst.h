// SPDX-License-Identifier: Apache-2.0
//
// CExitFirst: clean-up runs while everything that it uses is alive. There is nothing to call: link it into the
// executable, and every exit(3), by any code of the process, and the return from main are cexit_exit. So the process
// stack runs before libc's exit begins: before libc's handlers, before the destructors of static and of thread-local
// objects, before libraries tear themselves down. What is registered later than that, by those, runs in libc's exit.
//
// Without it plain exit and the return from main run the stack inside libc's exit: what libraries registered with libc
// after the stack's first registration (OpenSSL, a GPU's runtime, a function's static) has been torn down by then.
//
// It stands in front of libc's exit, and of the function of libc that calls main, for all objects of the process. The
// calls inside libc itself (err(3), the end of the last thread) come to the stack inside libc's exit, as without it.
// _exit, quick_exit and exec are as ever. It costs a few microseconds when the process starts.
//
// In a static executable libc's own functions cannot be stood in front of; link that with -Wl,--wrap=exit and
// -Wl,--wrap=__libc_start_main, as `pkg-config --static` says (glibc).
//
// Not together with CExitOrder, which is the other choice: one exact order with all that others gave to libc.

#ifndef CEXITFIRST_H
#define CEXITFIRST_H

#include <CExitShim.h>

#endif
