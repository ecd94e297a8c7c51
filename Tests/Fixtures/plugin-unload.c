// SPDX-License-Identifier: Apache-2.0
// The core as a shared object that is itself unloaded: <path of the object>. After the unloading no function of the
// object may be called.

#include "fixture.h"

static _Atomic int step;
static size_t (*run)(cexit_stack *);

static void *runs_and_waits(void *unused) { // the core watches for the end of this thread
  run(NULL);
  atomic_store(&step, 1);
  while (atomic_load(&step) < 2) sched_yield();
  return unused;
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  for (int i = 0; i < 3; i++) {
    void *core = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    CHECK(core != NULL);
    int (*add)(cexit_stack *, const cexit_entry *, const void *, cexit_handler *) =
        (int (*)(cexit_stack *, const cexit_entry *, const void *, cexit_handler *))dlsym(core, "cexit_register_owned");
    run = (size_t (*)(cexit_stack *))dlsym(core, "cexit_stack_run");
    CHECK(add != NULL && run != NULL);
    pthread_t thread = start(runs_and_waits, NULL);
    while (atomic_load(&step) < 1) sched_yield();
    cexit_entry entry = {.function = say_name, .context = "handler"};
    CHECK(add(NULL, &entry, NULL, NULL) == 0);
    CHECK(dlclose(core) == 0);
    CHECK(dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD) == NULL);
    atomic_store(&step, 2);
    join(thread);
    atomic_store(&step, 0);
    pid_t child = fork();
    if (child == 0) exit(i);
    say_end(child);
  }
  return 3;
}
