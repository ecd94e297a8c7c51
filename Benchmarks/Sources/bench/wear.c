// SPDX-License-Identifier: Apache-2.0
//
// Measures of a long day: after entries have gone in random order, after a burst, in random memory order, on two
// threads. And the table of sizes: the cost of an element among a thousand to a million elements.

#include "bench.h"

#include <CExitBinding.h>
#include <CExitFinalizer.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

extern void __cxa_finalize(void *object); // dlclose calls it, with an address that stands for the object

static cexit_handler *handlers;

static void nothing(void) {
  __asm__ volatile(""); // clang takes a loop of such calls away otherwise
}
static void nothing_with(void *context) {
  (void)context;
}

static void register_many(size_t count) {
  handlers = realloc(handlers, count * sizeof *handlers);
  for (size_t i = 0; i < count; i++)
    cexit_register(NULL, &(cexit_entry){.function = nothing_with, .context = handlers}, &handlers[i]);
}

static void shuffle(size_t count) {
  uint64_t state = 0x9E3779B97F4A7C15u;
  for (size_t i = count - 1; i > 0; i--) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    size_t j = (size_t)(state >> 33) % (i + 1);
    cexit_handler other = handlers[i];
    handlers[i] = handlers[j];
    handlers[j] = other;
  }
}

static void cancel_many(size_t count) {
  for (size_t i = 0; i < count; i++) cexit_cancel(handlers[i]);
}

static _Noreturn void tell_registering(size_t count) { // the same million, however many are known to be free
  uint64_t start = clock_now();
  for (size_t i = 0; i < count; i++) cexit_atexit(nothing);
  tell_each(start, count);
}

// ---- Registering after other entries were cancelled

static void worn(size_t count) {
  register_many(count);
  shuffle(count);
  cancel_many(count);
  tell_registering(count);
}

static void worn_million(void) {
  worn(MILLION);
}

static void worn_small(void) {
  worn(MILLION / 10);
}

static void worn_half(void) { // every second one stays
  register_many(MILLION);
  shuffle(MILLION);
  cancel_many(MILLION / 2);
  tell_registering(MILLION / 2);
}

static void warm_small(void) {
  register_many(MILLION / 10);
  cexit_stack_clear(NULL);
  tell_registering(MILLION / 10);
}

// ---- After a burst

static void burst(void) {
  register_many(1000);
  cexit_stack_clear(NULL);
  double before = resident();
  for (size_t i = 0; i < 10 * (size_t)MILLION; i++) cexit_atexit(nothing);
  cexit_stack_clear(NULL);
  cexit_atexit(nothing);
  double kept = resident() - before;
  tell(kept > 0 ? kept : 0);
}

// ---- Running

static uint64_t started;

static void starts(void) {
  started = clock_now();
}

static void ends(void) {
  tell_each(started, MILLION);
}

static void run_in_random_order(void) { // each falls asleep and wakes up, so it becomes the newest
  cexit_atexit(ends);
  register_many(MILLION);
  shuffle(MILLION);
  for (size_t i = 0; i < MILLION; i++) cexit_set_asleep(handlers[i], true);
  for (size_t i = 0; i < MILLION; i++) cexit_set_asleep(handlers[i], false);
  cexit_atexit(starts);
}

// ---- Two threads

static pthread_barrier_t together;

static void *pairs_on_thread(void *count) {
  cexit_handler handler;
  pthread_barrier_wait(&together);
  for (size_t i = *(size_t *)count; i > 0; i--) {
    cexit_register(NULL, &(cexit_entry){.function = nothing_with}, &handler);
    cexit_cancel(handler);
  }
  return NULL;
}

static void pairs_on(unsigned threads) { // beside the main thread, which sleeps: the process has several
  size_t each = 2 * MILLION / threads;
  pthread_t made[2];
  pthread_barrier_init(&together, NULL, threads + 1);
  for (unsigned i = 0; i < threads; i++) pthread_create(&made[i], NULL, pairs_on_thread, &each);
  pthread_barrier_wait(&together);
  uint64_t start = clock_now();
  for (unsigned i = 0; i < threads; i++) pthread_join(made[i], NULL);
  tell_each(start, 2 * MILLION);
}

static void pairs_one_thread(void) {
  pairs_on(1);
}

static void pairs_two_threads(void) {
  pairs_on(2);
}

// ---- Sizes: nanoseconds for each of `count` elements

static double since(uint64_t start, size_t count) {
  return (double)(clock_now() - start) / (double)count;
}

static void other(void) {
  __asm__ volatile("nop");
}

static double unregistering(size_t count) { // half of them
  for (size_t i = 0; i < count; i++) cexit_atexit(i % 2 != 0 ? nothing : other);
  uint64_t start = clock_now();
  cexit_unregister(nothing);
  return since(start, count);
}

static double cancelling_by_name(size_t count) { // half of them
  for (size_t i = 0; i < count; i++)
    cexit_register(NULL, &(cexit_entry){.function = nothing_with, .name = i % 2 != 0 ? "one" : "two"}, NULL);
  uint64_t start = clock_now();
  cexit_stack_cancel_named(NULL, "one");
  return since(start, count);
}

static double unloading(size_t count) { // half of them are the object's
  char *object = malloc(1);             // anything that is not in the executable
  for (size_t i = 0; i < count; i++)
    cexit_register_owned(NULL, &(cexit_entry){.function = nothing_with}, i % 2 != 0 ? object : NULL, NULL);
  uint64_t start = clock_now();
  __cxa_finalize(object);
  return since(start, count);
}

static double owning(size_t count) { // `count` shared objects, each with a handler among the other handlers
  size_t owners = 1000;
  char *objects = malloc(owners);
  for (size_t i = 0; i < count; i++)
    cexit_register_owned(NULL, &(cexit_entry){.function = nothing_with}, &objects[i % owners], NULL);
  uint64_t start = clock_now();
  for (size_t i = 0; i < 10; i++) __cxa_finalize(&objects[i]);
  return since(start, count * 10);
}

static double marking(size_t count) {
  uint64_t start = clock_now();
  for (size_t i = 0; i < count; i++) {
    cexit_mark();
    cexit_atexit(nothing);
  }
  return since(start, count);
}

static double forking(size_t count) { // in the child: the first registration, and what finds the parent's entries
  for (size_t i = 0; i < count; i++) cexit_atexit(nothing);
  double *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t child = fork();
  if (child == 0) {
    uint64_t start = clock_now();
    cexit_atexit(nothing);
    cexit_stack_run(NULL);
    *shared = since(start, count);
    _exit(0);
  }
  waitpid(child, NULL, 0);
  return *shared;
}

static double inheriting(size_t count) { // a child with as many inherited entries below as many of the parent's above
  for (size_t i = 0; i < count / 2; i++)
    cexit_register(NULL, &(cexit_entry){.function = nothing_with, .flags = CEXIT_INHERITED}, NULL);
  for (size_t i = 0; i < count / 2; i++) cexit_atexit(nothing);
  double *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t child = fork();
  if (child == 0) {
    uint64_t start = clock_now();
    cexit_stack_run(NULL);
    *shared = since(start, count);
    _exit(0);
  }
  waitpid(child, NULL, 0);
  return *shared;
}

static void heard(void *context, const cexit_record *record) {
  (void)context, (void)record;
}

static double inheriting_mixed(size_t count) { // every second one is inherited, and the child registers among them
  for (size_t i = 0; i < count; i++)
    cexit_register(NULL, &(cexit_entry){.function = nothing_with, .flags = i % 2 != 0 ? CEXIT_INHERITED : 0}, NULL);
  double *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t child = fork();
  if (child == 0) {
    uint64_t start = clock_now();
    for (size_t i = 0; i < count / 2; i++) {
      cexit_atexit(nothing);
      cexit_stack_step(NULL, heard, NULL);
      cexit_stack_step(NULL, heard, NULL);
    }
    *shared = since(start, count);
    _exit(0);
  }
  waitpid(child, NULL, 0);
  return *shared;
}

static double nesting(size_t count) { // `count` stacks nested in a stack, each with a handler; all run
  cexit_stack *stack;
  uint64_t start = clock_now();
  for (size_t i = 0; i < count; i++) {
    if (cexit_stack_nest(NULL, NULL, &stack) != 0 ||
        cexit_register(stack, &(cexit_entry){.function = nothing_with}, NULL) != 0)
      return -1;
    cexit_stack_release(stack);
  }
  cexit_stack_run(NULL);
  return since(start, count);
}

static double destroying(size_t count) { // a stack with `count` nested stacks, then the nested stacks
  cexit_stack **stacks = calloc(count, sizeof *stacks), *parent;
  cexit_stack_create(NULL, &parent);
  for (size_t i = 0; i < count; i++) {
    if (cexit_stack_nest(parent, NULL, &stacks[i]) != 0) return -1;
  }
  uint64_t start = clock_now();
  cexit_stack_destroy(parent);
  for (size_t i = 0; i < count; i++) cexit_stack_destroy(stacks[i]);
  return since(start, count);
}

static const struct {
  const char *name;
  double (*run)(size_t count);
} sizes[] = {
    {"cexit_unregister, half of them", unregistering},
    {"cancel by name, half of them", cancelling_by_name},
    {"unload an object that has half of them", unloading},
    {"unload ten of a thousand objects", owning},
    {"mark, and register", marking},
    {"fork: the child registers and runs", forking},
    {"fork: inherited below a parent's", inheriting},
    {"fork: inherited among a parent's, by steps", inheriting_mixed},
    {"nest a stack, register on it, run", nesting},
    {"destroy a stack with so many nested", destroying},
};

const char *size_name(size_t row) {
  return row < sizeof sizes / sizeof *sizes ? sizes[row].name : NULL;
}

void measure_size(size_t row, size_t count) {
  tell(sizes[row].run(count));
}

// ----

static const struct {
  const char *name;
  void (*run)(void);
} measures[] = {
    {"worn_million", worn_million},
    {"worn_small", worn_small},
    {"worn_half", worn_half},
    {"warm_small", warm_small},
    {"burst", burst},
    {"run_random", run_in_random_order},
    {"pairs_one_thread", pairs_one_thread},
    {"pairs_two_threads", pairs_two_threads},
};

bool measure_wear(const char *name) {
  for (size_t i = 0; i < sizeof measures / sizeof *measures; i++) {
    if (strcmp(measures[i].name, name) != 0) continue;
    measures[i].run();
    return true;
  }
  return false;
}
