// SPDX-License-Identifier: Apache-2.0

#ifndef CEXIT_SYMBOL_H
#define CEXIT_SYMBOL_H

#include <stddef.h>

#pragma GCC visibility push(hidden)

/// Writes the name of the function at `address`: "object!symbol", "object!symbol+0x12", "object+0x1234" where the object's
/// file has no symbol for it, or the address alone. Async-signal-safe: no memory, no lock, no loader; some system calls.
void cexit__symbol(const void *address, char *out, size_t size);

#pragma GCC visibility pop
#endif
