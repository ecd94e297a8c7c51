// SPDX-License-Identifier: Apache-2.0
//
// CExitFirst: clean-up runs while everything that handlers use is alive. There is nothing to call: link CExitFirst into the
// executable, and every exit(3), by any code of the process, and the return from main are cexit_exit. So the process
// stack runs before libc's exit begins: before libc's handlers, before the destructors of static and of thread-local
// objects, before libraries are torn down. Entries that destructors and libc's handlers register run in libc's exit.
//
// Without CExitFirst plain exit and the return from main run the stack inside libc's exit. By then libraries are torn down
// that registered with libc after the stack's first registration: OpenSSL, a GPU's runtime, a function's static.
//
// CExitFirst defines exit, and the function of libc that calls main, in front of libc's, for all objects of the process.
// Calls inside libc (err(3), the end of the last thread) come to the stack inside libc's exit. _exit, quick_exit and exec
// are as ever. The cost is a few microseconds when the process starts.
//
// A static executable (glibc 2.34 or later, musl) has libc's own functions first: link with -Wl,--wrap=exit and -Wl,--wrap=__libc_start_main, as
// `pkg-config --static` says. With musl also with -Wl,-u,__libc_exit_fini and -Wl,-u,__init_libc: CExitFirst's definitions
// keep musl's out of the executable, and these names bring musl's back.
//
// Not together with CExitOrder, which is the other choice: one exact order with all of libc's handlers.

#ifndef CEXITFIRST_H
#define CEXITFIRST_H

#include <CExitShim.h>

#endif
