// SPDX-License-Identifier: Apache-2.0
// Plain C: a handler with a context, and one that is no longer needed.

#include <CExitShim.h>

static void remove_file(void *name) {
  printf("removing %s\n", (const char *)name);
}

int main(void) {
  cexit_handler partial;
  cexit_register(NULL, &(cexit_entry){.function = remove_file, .context = "lock"}, NULL);
  cexit_register(NULL, &(cexit_entry){.function = remove_file, .context = "partial"}, &partial);
  puts("the file is complete: keep it");
  return cexit_cancel(partial) ? 0 : 1;
}
