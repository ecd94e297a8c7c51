// SPDX-License-Identifier: Apache-2.0
// Memory of many sizes that threads take and the handler gives back, for an allocator in the place of libc's.

#include "real-library.h"

enum { THREADS = 4, BLOCKS = 1000 };
static char *blocks[THREADS][BLOCKS];

static void *take(void *number) {
  char **own = blocks[(uintptr_t)number];
  for (int i = 0; i < BLOCKS; i++) {
    CHECK((own[i] = malloc((size_t)i * 16 + 1)) != NULL);
    own[i][0] = (char)i;
  }
  return NULL;
}

static void begin(void) {
  pthread_t threads[THREADS];
  for (uintptr_t i = 0; i < THREADS; i++) threads[i] = start(take, (void *)i);
  for (int i = 0; i < THREADS; i++) join(threads[i]);
}

static void use(void) {
  int kept = 0;
  for (int i = 0; i < THREADS; i++) {
    for (int j = 0; j < BLOCKS; j++) {
      kept += blocks[i][j][0] == (char)j;
      free(blocks[i][j]);
    }
  }
  begin(); // with new threads
  Dl_info owner = {0};
  void *(*allocate)(size_t) = malloc;
  CHECK(dladdr(*(void **)&allocate, &owner) != 0);
  const char *name = strrchr(owner.dli_fname, '/');
  say("handler: %d of %d blocks were kept, malloc is %.*s's\n", kept, THREADS * BLOCKS,
      (int)strcspn(name != NULL ? name + 1 : "", "."), name != NULL ? name + 1 : "");
}
