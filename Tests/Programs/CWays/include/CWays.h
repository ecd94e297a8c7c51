// SPDX-License-Identifier: Apache-2.0
// What Swift cannot say.

#include <sys/types.h>

/// fork, which Swift hides.
pid_t fork_process(void);

/// Calls `function` in the last flush of stdio: the last thing that a process does, when libc takes no more handlers.
void in_last_flush(void (*function)(void));
