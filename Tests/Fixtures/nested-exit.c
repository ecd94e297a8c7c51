// SPDX-License-Identifier: Apache-2.0
// Nested stacks, in exits by return, by exit in a handler, by a thread that ends, and in a child.

#include "fixture.h"

static cexit_stack *module;

static void exit_5(void *name) {
  say("%s exits\n", (const char *)name);
  exit(5);
}

static void say_status(int status, void *name) {
  say("%s: %d\n", (const char *)name, status);
}

static void status_of(void *name) {
  int status = -1;
  cexit_exit_status(&status);
  say_status(status, name);
}

static int exit_inside(int count, char **arguments) { // exit in a handler of a nested stack
  (void)count, (void)arguments;
  push_name(NULL, "main 1");
  CHECK(cexit_stack_nest(NULL, "module", &module) == 0);
  push(module, status_of, "module 1");
  push(module, exit_5, "module 2");
  push_name(module, "module 3");
  cexit_stack *inner;
  CHECK(cexit_stack_nest(module, "inner", &inner) == 0);
  push_name(inner, "inner 1");
  push(inner, exit_5, "inner 2");
  push_name(NULL, "main 2");
  return 3;
}

static int every_one_exits(int count, char **arguments) { // ten handlers exit: more than the slots in libc's list
  (void)count, (void)arguments;
  static const char *const names[] = {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10"};
  push_name(NULL, "main");
  CHECK(cexit_stack_nest(NULL, "module", &module) == 0);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) push(module, exit_5, (void *)names[i]);
  return 3;
}

static int exit_inside_standalone(int count, char **arguments) {
  (void)count, (void)arguments;
  push(NULL, status_of, "main");
  CHECK(cexit_stack_create("own", &module) == 0);
  push(module, status_of, "own 1");
  push(module, exit_5, "own 2");
  push_name(module, "own 3");
  cexit_stack_run(module);
  return 0;
}

static void end_thread(void *name) {
  say("%s ends its thread\n", (const char *)name);
  pthread_exit(NULL);
}

static void *leave(void *status) {
  exit((int)(intptr_t)status);
}

static int thread_ends_inside(int count, char **arguments) { // a handler ends the thread that exits
  (void)count, (void)arguments;
  push_name(NULL, "main 1");
  CHECK(cexit_stack_nest(NULL, "module", &module) == 0);
  push_name(module, "module 1");
  push(module, end_thread, "module 2");
  push_name(module, "module 3");
  push_name(NULL, "main 2");
  join(start(leave, (void *)4));
  return 6;
}

static void add_late(void *stack) {
  say("adds\n");
  push_name(stack, "added");
}

static int placed_anew(int count, char **arguments) { // after a stack's entry ran, a registration puts the stack on top
  (void)count, (void)arguments;
  push_name(NULL, "main 1");
  push_name(NULL, "main 2");
  CHECK(cexit_stack_nest(NULL, "module", &module) == 0);
  push_name(module, "module");
  cexit_entry entry = {.function = add_late, .context = module};
  push_name(NULL, "main 3");
  cexit_stack *older;
  CHECK(cexit_stack_create(NULL, &older) == 0);
  cexit_stack_destroy(older);
  CHECK(cexit_register(NULL, &entry, NULL) == 0);
  return 0;
}

static int parent_is_gone(int count, char **arguments) { // a stack lives as long as the stacks nested in the stack
  (void)count, (void)arguments;
  cexit_stack *inner, *others[8];
  CHECK(cexit_stack_nest(NULL, "module", &module) == 0);
  CHECK(cexit_stack_nest(module, "inner", &inner) == 0);
  cexit_stack_release(module);
  push_name(inner, "inner 1");
  CHECK(cexit_stack_run(NULL) == 1); // now neither an entry nor its maker refers to the module
  for (int i = 0; i < 8; i++) {
    CHECK(cexit_stack_create("other", &others[i]) == 0);
    push_name(others[i], "other");
  }
  push_name(NULL, "main");
  push_name(inner, "inner 2");
  for (int i = 0; i < 8; i++) CHECK(cexit_stack_count(others[i]) == 1);
  CHECK(cexit_stack_count(NULL) == 2);
  return 0;
}

static int inherited(int count, char **arguments) { // a child runs an entry with CEXIT_INHERITED from any stack
  (void)count, (void)arguments;
  cexit_stack *inner, *moved;
  CHECK(cexit_stack_nest(NULL, "module", &module) == 0);
  push_name(module, "parent's 1");
  CHECK(cexit_stack_nest(module, "inner", &inner) == 0);
  cexit_entry entry = {.function = say_name, .context = "inherited", .flags = CEXIT_INHERITED};
  CHECK(cexit_register(inner, &entry, NULL) == 0);
  push_name(inner, "parent's 2");
  CHECK(cexit_stack_create(NULL, &moved) == 0);
  entry.context = "inherited and moved";
  CHECK(cexit_register(moved, &entry, NULL) == 0);
  CHECK(cexit_stack_nest(NULL, "late", &inner) == 0);
  CHECK(cexit_stack_move(moved, inner) == 1);
  pid_t child = fork();
  if (child == 0) exit(1);
  say_end(child);
  return 0;
}

FIXTURE({"exit", exit_inside}, {"every", every_one_exits}, {"standalone", exit_inside_standalone},
        {"thread", thread_ends_inside}, {"anew", placed_anew}, {"parent", parent_is_gone}, {"inherited", inherited})
