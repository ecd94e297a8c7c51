// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "CWays.h"

#include <stdio.h>
#include <unistd.h>

pid_t fork_process(void) {
  return fork();
}

static void (*last)(void);

static ssize_t call_last(void *cookie, const char *bytes, size_t count) {
  (void)cookie, (void)bytes;
  last();
  return (ssize_t)count;
}

void in_last_flush(void (*function)(void)) {
  last = function;
  FILE *file = fopencookie(NULL, "w", (cookie_io_functions_t){.write = call_last});
  if (file != NULL) fputs("unflushed", file);
}
