// SPDX-License-Identifier: Apache-2.0
// The core as a shared object, which one thread unloads while another one exits: <path of it>.

#include "fixture.h"

static _Atomic int step;

static void slow(void *unused) {
  (void)unused;
  atomic_store(&step, 1);
  while (atomic_load(&step) < 2) sched_yield();
  say("handler\n");
}

static void *leaves(void *unused) {
  (void)unused;
  exit(4);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  void *core = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  CHECK(core != NULL);
  int (*add)(cexit_stack *, const cexit_entry *, const void *, cexit_handler *) =
      (int (*)(cexit_stack *, const cexit_entry *, const void *, cexit_handler *))dlsym(core, "cexit_register_owned");
  CHECK(add != NULL && add(NULL, &(cexit_entry){.function = slow}, NULL, NULL) == 0);
  start(leaves, NULL);
  while (atomic_load(&step) < 1) sched_yield();
  dlclose(core);
  atomic_store(&step, 2);
  for (;;) pause();
}
