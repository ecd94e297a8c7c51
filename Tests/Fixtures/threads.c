// SPDX-License-Identifier: Apache-2.0
// Threads that register, run, cancel and leave at the same time. The last argument of most cases is how many rounds;
// each round is a child of its own.

#include "fixture.h"

enum { MOST_HANDLERS = 1 << 17 };

static atomic_int ran[MOST_HANDLERS]; // how often each handler did
static _Atomic int step;

static void reach(int number) {
  atomic_store(&step, number);
}

static void wait_for(int number) {
  while (atomic_load(&step) < number) sched_yield();
}

static void take_a_while(void) {
  for (int i = 0; i < 50; i++) sched_yield();
}

static void wait_until_asleep(pid_t thread) { // one that is on its way into exit: it waits there
  char path[64], state[256] = "";
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
  while (strstr(state, ") S") == NULL) {
    int file = open(path, O_RDONLY);
    CHECK(file >= 0 && read(file, state, sizeof state - 1) > 0);
    close(file);
  }
}

static void once(void *number) {
  CHECK(atomic_fetch_add(&ran[(uintptr_t)number], 1) == 0);
}

static void once_slowly(void *number) {
  take_a_while();
  once(number);
  take_a_while();
}

static size_t rounds(int count, char **arguments) {
  return count > 0 ? strtoul(arguments[count - 1], NULL, 10) : 20;
}

/// Runs `round` in as many children as asked; each has to end with `status`, or any from 1 to 16 where that is -1.
static int in_children(size_t many, void (*round)(void), int status) {
  for (size_t i = 0; i < many; i++) {
    pid_t child = fork();
    if (child == 0) {
      alarm(50);
      round();
    }
    int ended;
    CHECK(waitpid(child, &ended, 0) == child);
    if (WIFEXITED(ended) && (WEXITSTATUS(ended) == status || (status < 0 && WEXITSTATUS(ended) <= 16))) continue;
    dprintf(STDERR_FILENO, "round %zu: %s %d\n", i, WIFEXITED(ended) ? "status" : "signal",
            WIFEXITED(ended) ? WEXITSTATUS(ended) : WTERMSIG(ended));
    return 1;
  }
  say("done\n");
  return 0;
}

// ---- Everybody exits

static pthread_barrier_t together;
static uintptr_t expected_runs;
static void (*leaving)(int status);

static void check_all_ran(void) { // libc's oldest
  for (uintptr_t i = 0; i < expected_runs; i++) CHECK(atomic_load(&ran[i]) == 1);
}

static _Atomic pid_t leavers[17]; // by status

static void *leave_together(void *status) {
  atomic_store(&leavers[(uintptr_t)status], gettid());
  pthread_barrier_wait(&together);
  leaving((int)(intptr_t)status);
  return NULL;
}

static void all_leave(unsigned threads) {
  pthread_barrier_init(&together, NULL, threads);
  for (unsigned i = 1; i < threads; i++) start(leave_together, (void *)(uintptr_t)i);
  leave_together((void *)(uintptr_t)threads);
}

static void sixteen_exit(void) {
  atexit(check_all_ran);
  for (expected_runs = 0; expected_runs < 40; expected_runs++) push(NULL, once_slowly, (void *)expected_runs);
  leaving = exit;
  all_leave(16);
}

static void adds_two_more(void *number) {
  once_slowly(number);
  push(NULL, once_slowly, (void *)((uintptr_t)number + 1));
  push(NULL, once_slowly, (void *)((uintptr_t)number + 2));
}

static void exits_again(void *number) {
  once(number);
  exit(9);
}

static void eight_exit(void) { // some handlers register more, the oldest exits again
  atexit(check_all_ran);
  push(NULL, exits_again, (void *)0);
  for (expected_runs = 1; expected_runs < 64; expected_runs += 3) push(NULL, adds_two_more, (void *)expected_runs);
  leaving = exit;
  all_leave(9);
}

static int exit_together(int count, char **arguments) {
  return in_children(rounds(count, arguments), sixteen_exit, -1);
}

static int exit_and_add(int count, char **arguments) {
  return in_children(rounds(count, arguments), eight_exit, 9);
}

static void libc_slow(void) {
  take_a_while();
}

static int foreign_above, foreign_below;

static void newest_of_ours(void *unused) { // comes to its end when both are in exit
  (void)unused;
  say("newest\n");
  wait_until_asleep(leavers[leavers[1] == gettid() ? 2 : 1]);
}

static void with_foreign_handlers(void) {
  for (int i = 0; i < foreign_below; i++) atexit(libc_slow);
  for (expected_runs = 0; expected_runs < 10; expected_runs++) push(NULL, once_slowly, (void *)expected_runs);
  push(NULL, newest_of_ours, NULL);
  for (int i = 0; i < foreign_above; i++) atexit(libc_slow);
  all_leave(2);
}

static int foreign(int count, char **arguments) { // <above> <below> <how> <rounds>
  CHECK(count == 4);
  foreign_above = atoi(arguments[0]);
  foreign_below = atoi(arguments[1]);
  leaving = strcmp(arguments[2], "exit") == 0 ? exit : cexit_exit;
  return in_children(rounds(count, arguments), with_foreign_handlers, -1);
}

// Each handler starts a thread that exits as well, with another status; one registers another, one exits with 77.

static void *exit_with(void *status) {
  exit((int)(intptr_t)status);
}

static void torture(void *number) {
  start(exit_with, (void *)((uintptr_t)number + 1));
  once_slowly(number);
}

static void torture_and_add(void *number) {
  torture(number);
  push(NULL, torture, (void *)(uintptr_t)20);
}

static void torture_and_exit(void *number) {
  torture(number);
  exit(77);
}

static void tortured(void) {
  expected_runs = 10;
  atexit(check_all_ran);
  for (uintptr_t i = 0; i < 10; i++)
    push(NULL, i == 5 ? torture_and_add : i == 2 ? torture_and_exit : torture, (void *)i);
  exit(1);
}

static int torturer(int count, char **arguments) {
  return in_children(rounds(count, arguments), tortured, 77);
}

// ---- A thread that exits when the last handler has run

static _Atomic pid_t leaver;

static void *leave_when_asked(void *status) {
  wait_for((int)(intptr_t)status);
  atomic_store(&leaver, gettid());
  exit((int)(intptr_t)status);
}

static void let_leave(int status) {
  reach(status);
  while (atomic_load(&leaver) == 0) sched_yield();
  wait_until_asleep(atomic_exchange(&leaver, 0));
}

static void let_first_leave(void *unused) {
  (void)unused;
  let_leave(4);
}

static bool ends_itself;

static void let_second_leave(void) { // libc's: the stack has run
  let_leave(5);
  say("all wait\n");
  if (ends_itself) pthread_exit(NULL);
}

static int late(int count, char **arguments) { // <ends|>: so does the thread that exits, at the last moment
  CHECK(count == 1);
  ends_itself = strcmp(arguments[0], "ends") == 0;
  CHECK(atexit(let_second_leave) == 0);
  push(NULL, let_first_leave, NULL);
  start(leave_when_asked, (void *)4);
  start(leave_when_asked, (void *)5);
  exit(3);
}

// ---- A thread ends in a handler while others wait

static void end_thread(void *name) {
  say("%s ends its thread\n", (const char *)name);
  pthread_exit(NULL);
}

static void cancel_thread(void *name) {
  say("%s is cancelled\n", (const char *)name);
  pthread_cancel(pthread_self());
  pthread_testcancel();
}

static void wait_for_waiters(void *unused) { // every other thread is on its way into exit
  (void)unused;
  reach(2);
  take_a_while();
}

static void *exit_later(void *status) {
  wait_for(2);
  exit((int)(intptr_t)status);
}

static int thread_ends(int count, char **arguments) { // <exit|cancel>: two handlers do, two threads take over in turn
  CHECK(count == 1);
  void (*ends)(void *) = strcmp(arguments[0], "exit") == 0 ? end_thread : cancel_thread;
  push_name(NULL, "1");
  push(NULL, ends, "2");
  push_name(NULL, "3");
  push(NULL, ends, "4");
  push(NULL, wait_for_waiters, NULL);
  start(exit_with, (void *)5);
  start(exit_later, (void *)6);
  exit_later((void *)6);
  return 0;
}

static void *run_by_hand(void *stack) {
  cexit_stack_run(stack);
  return NULL;
}

static int hand_run_ends(int count, char **arguments) { // a thread ends in a handler that it runs by hand
  (void)count, (void)arguments;
  cexit_stack *stack, *module;
  CHECK(cexit_stack_create(NULL, &stack) == 0);
  push_name(stack, "1");
  CHECK(cexit_stack_nest(stack, "module", &module) == 0);
  push_name(module, "module 1");
  push(module, end_thread, "module 2");
  push(stack, end_thread, "2");
  join(start(run_by_hand, stack));
  say("left: %zu\n", cexit_stack_count(stack));
  join(start(run_by_hand, stack));
  say("left: %zu\n", cexit_stack_count(stack));
  CHECK(cexit_stack_run(stack) == 2);
  cexit_stack_destroy(module);
  cexit_stack_destroy(stack);
  return 0;
}

static int last_thread_ends(int count, char **arguments) { // in a handler: that is one more exit, with status 0
  (void)count, (void)arguments;
  push_name(NULL, "1");
  push(NULL, end_thread, "2");
  push(NULL, end_thread, "3");
  join(start(run_by_hand, NULL));
  return 5;
}

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

static int waited_for(int count, char **arguments) { // <stack|handler>: exit waits for what other threads run by hand
  CHECK(count == 1);
  cexit_stack *stack;
  cexit_handler handler;
  cexit_entry entry = {.function = long_one};
  CHECK(cexit_stack_create(NULL, &stack) == 0);
  push_name(NULL, "older");
  push_name(stack, "last of its stack");
  CHECK(cexit_register(stack, &entry, &handler) == 0);
  start(exit_3, NULL);
  if (strcmp(arguments[0], "stack") == 0) cexit_stack_run(stack);
  else CHECK(cexit_run(handler));
  pause();
  return 0;
}

static void *second_run(void *stack) {
  wait_for(1);
  reach(2);
  say("second ran %zu\n", cexit_stack_run(stack));
  return NULL;
}

static int in_turn(int count, char **arguments) { // a second thread on the same stack waits
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
  while (atomic_load(&inside) < 2) sched_yield(); // each thread is in its stack, and goes for the other's
  cexit_stack_run(other);
}

static int crosswise(int count, char **arguments) { // two threads, each in the other's stack: nobody waits for ever
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

static int destroyed_while_running(int count, char **arguments) { // by another thread: ends after that handler
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

// ---- Exactly once, whoever gets there

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

static void stop_registrar(void) { // older than all of them
  atomic_store(&stop, 1);
  join(registrar);
}

static void check_accepted(void) { // older still: what was accepted until the registrar stopped has run
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
      case 0: cexit_stack_move(stack, NULL); break;
      case 1: cexit_stack_cancel_named(NULL, "churn"); break;
      case 2: cexit_stack_run(NULL); break;
      case 3:
        CHECK(cexit_stack_nest(NULL, "module", &module) == 0);
        CHECK(cexit_register(module, &entry, NULL) == 0);
        if (state >> 24 & 1) cexit_stack_release(module);
        else cexit_stack_destroy(module);
        break;
      case 4: cexit_cancel(kept); break;
      case 5: cexit_run(kept); break;
      case 6: cexit_stack_run(stack); break;
      case 7: CHECK(cexit_reserve(100) == 0); break;
      case 8: cexit_stack_count(NULL); break;
      default: CHECK(cexit_register(state >> 25 & 1 ? stack : NULL, &entry, &kept) == 0);
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

FIXTURE({"together", exit_together}, {"add", exit_and_add}, {"foreign", foreign}, {"torture", torturer}, {"late", late},
        {"ends", thread_ends}, {"hand-run-ends", hand_run_ends}, {"last-ends", last_thread_ends}, {"waited", waited_for}, {"turn", in_turn},
        {"crosswise", crosswise}, {"destroyed", destroyed_while_running}, {"contest", contest}, {"race", race},
        {"tens", race_in_tens}, {"everything", everything})
