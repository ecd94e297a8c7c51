// SPDX-License-Identifier: Apache-2.0
// Threads that register, run and cancel at the same time. The last argument of most cases is the number of rounds.

#include "threads.h"

// ---- Turns

static void long_one(void *unused) {
  (void)unused;
  reach(1);
  wait_for(2);
  take_a_while();
  say("newer\n");
}

static void *exit_3(void *unused) {
  (void)unused;
  wait_for(1);
  reach(2);
  exit(3);
}

static int waited_for(int count, char **arguments) { // <stack|handler>: exit waits for manual runs of other threads
  CHECK(count == 1);
  cexit_stack *stack;
  cexit_handler handler;
  cexit_entry entry = {.function = long_one};
  CHECK(cexit_stack_create(NULL, &stack) == 0);
  push_name(NULL, "older");
  push_name(stack, "last of its stack");
  CHECK(cexit_register(stack, &entry, &handler) == 0);
  start(exit_3, NULL);
  if (strcmp(arguments[0], "stack") == 0)
    cexit_stack_run(stack);
  else
    CHECK(cexit_run(handler));
  pause();
  return 0;
}

enum { RUNNERS = 300 };

static void *run_next(void *number);

// Starts the next run before this run ends: so there is never a moment without a run.
static void hand_over(void *number) {
  int mine = (int)(uintptr_t)number;
  reach(mine);
  if (mine == RUNNERS) return say("last\n");
  start(run_next, (void *)((uintptr_t)number + 1));
  wait_for(mine + 1);
}

static void *run_next(void *number) {
  cexit_stack *stack;
  CHECK(cexit_stack_create(NULL, &stack) == 0);
  push(stack, hand_over, number);
  cexit_stack_run(stack);
  return NULL;
}

static void exit_while_handed_over(void) {
  push(NULL, free, NULL); // the process has a handler, so the exit is the library's
  start(run_next, (void *)1);
  wait_for(1);
  exit(3);
}

static int handed_over(int count, char **arguments) {
  return in_children(rounds(count, arguments), exit_while_handed_over, 3);
}

static void *second_run(void *stack) {
  wait_for(1);
  reach(2);
  say("second ran %zu\n", cexit_stack_run(stack));
  return NULL;
}

static int in_turn(int count, char **arguments) { // a second thread that runs the same stack waits
  (void)count, (void)arguments;
  cexit_stack *stack;
  CHECK(cexit_stack_create(NULL, &stack) == 0);
  push_name(stack, "older");
  push(stack, long_one, NULL);
  pthread_t thread = start(second_run, stack);
  say("first ran %zu\n", cexit_stack_run(stack));
  join(thread);
  return 0;
}

static cexit_stack *crossed[2];

static void run_other(void *other) {
  static atomic_int inside;
  atomic_fetch_add(&inside, 1);
  while (atomic_load(&inside) < 2) sched_yield(); // each thread runs its own stack; now each runs the other's stack
  cexit_stack_run(other);
}

static int crosswise(int count, char **arguments) { // two threads that run each other's stack do not wait for ever
  (void)count, (void)arguments;
  for (int i = 0; i < 2; i++) CHECK(cexit_stack_create(NULL, &crossed[i]) == 0);
  for (uintptr_t i = 0; i < 2; i++) push(crossed[i], once, (void *)i);
  for (uintptr_t i = 0; i < 2; i++) push(crossed[i], run_other, crossed[1 - i]);
  pthread_t thread = start(run_by_hand, crossed[0]);
  run_by_hand(crossed[1]);
  join(thread);
  for (uintptr_t i = 0; i < 2; i++) CHECK(ran[i] == 1 && cexit_stack_count(crossed[i]) == 0);
  return 0;
}

static cexit_stack *doomed;

static void destroyed_meanwhile(void *unused) {
  (void)unused;
  reach(1);
  wait_for(2);
  cexit_entry entry = {.function = once};
  CHECK(cexit_register(doomed, &entry, NULL) == ECANCELED);
}

static void *run_doomed(void *unused) {
  say("ran %zu\n", cexit_stack_run(doomed));
  return unused;
}

static int destroyed_while_running(int count, char **arguments) { // the run ends after the handler in progress
  (void)count, (void)arguments;
  CHECK(cexit_stack_create(NULL, &doomed) == 0);
  push_name(doomed, "never");
  push(doomed, destroyed_meanwhile, NULL);
  pthread_t thread = start(run_doomed, NULL);
  wait_for(1);
  cexit_stack_destroy(doomed);
  reach(2);
  join(thread);
  return 0;
}

// ---- Each entry runs exactly once, on whichever thread

enum { CONTESTED = 4000 };
static cexit_handler contested[CONTESTED];
static atomic_int wins;

static void *runs_all(void *unused) {
  pthread_barrier_wait(&together);
  for (int i = 0; i < CONTESTED; i++) atomic_fetch_add(&wins, cexit_run(contested[i]));
  return unused;
}

static void *cancels_all(void *unused) {
  pthread_barrier_wait(&together);
  for (int i = 0; i < CONTESTED; i++) atomic_fetch_add(&wins, cexit_cancel(contested[i]));
  return unused;
}

static void *runs_stack(void *stack) {
  pthread_barrier_wait(&together);
  atomic_fetch_add(&wins, (int)cexit_stack_run(stack));
  return NULL;
}

static atomic_int releases;

static void count_release(void *unused) {
  (void)unused;
  atomic_fetch_add(&releases, 1);
}

static int contest(int count, char **arguments) {
  for (size_t round = rounds(count, arguments); round > 0; round--) {
    cexit_stack *stack;
    CHECK(cexit_stack_create(NULL, &stack) == 0);
    atomic_store(&wins, 0);
    atomic_store(&releases, 0);
    for (uintptr_t i = 0; i < CONTESTED; i++) {
      atomic_store(&ran[i], 0);
      cexit_entry entry = {.function = once, .context = (void *)i, .release = count_release};
      CHECK(cexit_register(stack, &entry, &contested[i]) == 0);
    }
    pthread_barrier_init(&together, NULL, 4);
    pthread_t threads[] = {start(runs_all, NULL), start(cancels_all, NULL), start(runs_stack, stack)};
    cancels_all(NULL);
    for (int i = 0; i < 3; i++) join(threads[i]);
    CHECK(wins == CONTESTED && releases == CONTESTED && cexit_stack_count(stack) == 0);
    cexit_stack_destroy(stack);
  }
  return 0;
}

// ---- Registering while main leaves

static void *registers_many(void *unused) {
  for (int i = 0; i < 1024; i++) {
    cexit_entry entry = {.function = count_release};
    if (cexit_register(NULL, &entry, NULL) != 0) break;
  }
  return unused;
}

static void many_register(void) {
  pthread_attr_t detached;
  pthread_attr_init(&detached);
  pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&detached, 1 << 16);
  for (int i = 0; i < 64; i++) {
    pthread_t thread;
    CHECK(pthread_create(&thread, &detached, registers_many, NULL) == 0);
  }
  exit(0);
}

static int race(int count, char **arguments) {
  return in_children(rounds(count, arguments), many_register, 0);
}

static atomic_int accepted, stop;
static pthread_t registrar;

static void *registers_in_tens(void *unused) {
  while (atomic_load(&accepted) + 10 < MOST_HANDLERS && !atomic_load(&stop)) {
    for (int i = 0; i < 10; i++) {
      cexit_entry entry = {.function = once, .context = (void *)(uintptr_t)atomic_load(&accepted)};
      if (cexit_register(NULL, &entry, NULL) == 0) atomic_fetch_add(&accepted, 1);
    }
    if (atomic_load(&accepted) > 100) reach(1);
  }
  return unused;
}

static void stop_registrar(void) { // older than all accepted entries, so run after them
  atomic_store(&stop, 1);
  join(registrar);
}

static void check_accepted(void) { // older still: all entries accepted until the registrar stopped have run
  for (int i = 0; i < atomic_load(&accepted); i++) CHECK(atomic_load(&ran[i]) == 1);
}

static void registering_during_exit(void) {
  atexit(check_accepted);
  atexit(stop_registrar);
  registrar = start(registers_in_tens, NULL);
  wait_for(1);
  exit(0);
}

static int race_in_tens(int count, char **arguments) {
  return in_children(rounds(count, arguments), registering_during_exit, 0);
}

// ---- Everything at once

static void *churn(void *seed) {
  unsigned state = (unsigned)(uintptr_t)seed;
  cexit_stack *stack, *module;
  cexit_handler kept = {0};
  CHECK(cexit_stack_create("own", &stack) == 0);
  for (int i = 0; i < 2000; i++) {
    cexit_entry entry = {.function = count_release, .phase = (CExitPhase)(i % 3), .name = "churn"};
    state = state * 1103515245u + 12345;
    switch (state >> 16 & 15) {
    case 0:
      cexit_stack_move(stack, NULL);
      break;
    case 1:
      cexit_stack_cancel_named(NULL, "churn");
      break;
    case 2:
      cexit_stack_run(NULL);
      break;
    case 3:
      CHECK(cexit_stack_nest(NULL, "module", &module) == 0);
      CHECK(cexit_register(module, &entry, NULL) == 0);
      if (state >> 24 & 1)
        cexit_stack_release(module);
      else
        cexit_stack_destroy(module);
      break;
    case 4:
      cexit_cancel(kept);
      break;
    case 5:
      cexit_run(kept);
      break;
    case 6:
      cexit_stack_run(stack);
      break;
    case 7:
      CHECK(cexit_reserve(100) == 0);
      break;
    case 8:
      cexit_stack_count(NULL);
      break;
    default:
      CHECK(cexit_register(state >> 25 & 1 ? stack : NULL, &entry, &kept) == 0);
    }
  }
  cexit_stack_destroy(stack);
  return NULL;
}

static int everything(int count, char **arguments) {
  (void)count, (void)arguments;
  pthread_t threads[4];
  for (uintptr_t i = 0; i < 4; i++) threads[i] = start(churn, (void *)(i * 7919 + 1));
  for (int i = 0; i < 4; i++) join(threads[i]);
  cexit_stack_clear(NULL);
  CHECK(cexit_stack_count(NULL) == 0);
  return 0;
}

FIXTURE({"waited", waited_for}, {"handed-over", handed_over}, {"turn", in_turn}, {"crosswise", crosswise}, {"destroyed", destroyed_while_running},
        {"contest", contest}, {"race", race}, {"tens", race_in_tens}, {"everything", everything})
