// SPDX-License-Identifier: Apache-2.0
// Memory: calls that fail for lack of memory, memory that stays in use, and the view of a leak checker.

#include "../../Sources/CExitShim/events/events.h"
#include "fixture.h"

#include <sys/resource.h>

static size_t runs;

static void count_run(void *unused) {
  (void)unused;
  runs++;
}

static const cexit_entry counted = {.function = count_run};

static long statm(int field) { // in pages. Field 0: the address space. Field 1: resident memory
  long values[2];
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL && fscanf(file, "%ld %ld", &values[0], &values[1]) == 2);
  fclose(file);
  return values[field];
}

static void limit(rlim_t bytes) {
  struct rlimit now;
  getrlimit(RLIMIT_AS, &now);
  now.rlim_cur = bytes;
  CHECK(setrlimit(RLIMIT_AS, &now) == 0);
}

static int no_memory(int count, char **arguments) { // each growth of the table fails once, and then succeeds
  (void)count, (void)arguments;
  size_t registered = 0;
  cexit_handler handler = {7};
  while (registered < 100000) {
    limit(0);
    int error;
    for (; (error = cexit_register(NULL, &counted, &handler)) == 0; registered++) handler.raw = 7;
    CHECK(error == ENOMEM && handler.raw == 7 && registered >= 32);
    CHECK(cexit_reserve(1) == ENOMEM && cexit_reserve(SIZE_MAX) == ENOMEM);
    CHECK(cexit_stack_count(NULL) == registered);
    limit(RLIM_INFINITY);
    CHECK(cexit_register(NULL, &counted, NULL) == 0);
    registered++;
  }
  limit(0);
  CHECK(cexit_stack_run(NULL) == registered && runs == registered);
  return 0;
}

static int no_memory_for_stacks(int count, char **arguments) {
  (void)count, (void)arguments;
  static cexit_stack *stacks[1 << 14];
  size_t made = 0;
  while (made < 10000) {
    limit(0);
    int error;
    cexit_stack *none = NULL;
    while ((error = cexit_stack_nest(NULL, NULL, &stacks[made])) == 0) made++;
    CHECK(error == ENOMEM && cexit_stack_nest(NULL, NULL, &none) == ENOMEM && none == NULL);
    CHECK(cexit_stack_count(NULL) == made);
    limit(RLIM_INFINITY);
    CHECK(cexit_stack_nest(NULL, NULL, &stacks[made++]) == 0);
  }
  for (size_t i = 0; i < made; i++) CHECK(cexit_register(stacks[i], &counted, NULL) == 0);
  CHECK(cexit_stack_run(NULL) == made && runs == made);
  for (size_t i = 0; i < made; i++) cexit_stack_destroy(stacks[i]);
  return 0;
}

static int reserved(int count, char **arguments) {
  (void)count, (void)arguments;
  CHECK(cexit_reserve(50000) == 0);
  limit(0);
  for (int i = 0; i < 50000; i++) CHECK(cexit_register(NULL, &counted, NULL) == 0);
  return 0;
}

static void say_runs(void) {
  say("%zu\n", runs);
}

static int exit_allocates_nothing(int count, char **arguments) {
  (void)count, (void)arguments;
  cexit_stack *module;
  cexit_atexit(say_runs);
  CHECK(cexit_stack_nest(NULL, "module", &module) == 0);
  for (int i = 0; i < 1000; i++) CHECK(cexit_register(i % 2 ? module : NULL, &counted, NULL) == 0);
  limit(0);
  return 3;
}

static int churn(int count, char **arguments) { // pairs of register and cancel do not grow memory
  CHECK(count == 1);
  cexit_handler handler;
  for (int i = 0; i < 1000; i++) CHECK(cexit_register(NULL, &counted, &handler) == 0 && cexit_cancel(handler));
  statm(1); // the first reading touches pages of its own
  long before = statm(1);
  for (long pairs = atol(arguments[0]); pairs > 0; pairs--) {
    CHECK(cexit_register(NULL, &counted, &handler) == 0);
    CHECK(cexit_cancel(handler));
  }
  CHECK(statm(1) - before < 16);
  cexit_stack *stack;
  before = statm(0);
  for (int i = 0; i < 100000; i++) {
    CHECK(cexit_stack_nest(NULL, NULL, &stack) == 0);
    CHECK(cexit_register(stack, &counted, NULL) == 0);
    if (i % 3 == 0) cexit_stack_run(stack);
    if (i % 2 == 0)
      cexit_stack_destroy(stack);
    else
      cexit_stack_release(stack);
    if (i % 2 != 0) cexit_stack_run(NULL);
  }
  CHECK(statm(0) == before);
  return 0;
}

static int generations(int count, char **arguments) { // no two entries ever have the same handle
  (void)count, (void)arguments;
  cexit_handler stale, fresh;
  CHECK(cexit_register(NULL, &counted, &stale) == 0 && cexit_cancel(stale));
  uint32_t index = (uint32_t)stale.raw;
  entry_at(index)->generation = UINT32_MAX - 5;
  for (int i = 0; i < 2; i++) {
    CHECK(cexit_register(NULL, &counted, &fresh) == 0 && (uint32_t)fresh.raw == index && cexit_cancel(fresh));
  }
  uint32_t available = cexit__entries.available;
  for (int i = 0; i < 100; i++) {
    CHECK(cexit_register(NULL, &counted, &fresh) == 0 && (uint32_t)fresh.raw != index && cexit_cancel(fresh));
    CHECK(!cexit_is_pending(stale) && !cexit_cancel(stale) && !cexit_run(stale));
  }
  CHECK(cexit__entries.available == available);
  cexit_handler forged = {(uint64_t)entry_at(index)->generation << 32 | index};
  CHECK(!cexit_is_pending(forged));
  for (uint64_t raw = 0; raw < 4096; raw++) CHECK(!cexit_cancel((cexit_handler){raw | raw << 40}));
  return 0;
}

// More than is kept for the next burst, and the handles of some: between these numbers lie all places in a page.
enum { BURST = 2500000, SAMPLES = 2000 };
static cexit_handler seen[3 * SAMPLES];

static void register_burst(cexit_handler *samples) {
  cexit_handler handler;
  for (int i = 0; i < BURST; i++) {
    CHECK(cexit_register(NULL, &counted, &handler) == 0);
    if (i % (BURST / SAMPLES) == 0) samples[i / (BURST / SAMPLES)] = handler;
  }
}

static void check_stale(size_t count) {
  for (size_t i = 0; i < count; i++) CHECK(!cexit_is_pending(seen[i]) && !cexit_cancel(seen[i]) && !cexit_run(seen[i]));
}

static int burst(int count, char **arguments) { // what a burst took is given back; its handles stay stale
  (void)count, (void)arguments;
  memset(seen, 1, sizeof seen); // all of its pages are there before
  CHECK(cexit_register(NULL, &counted, NULL) == 0 && statm(1) != 0);
  long before = statm(1);
  for (int round = 0; round < 3; round++) {
    cexit_handler *samples = &seen[round * SAMPLES];
    register_burst(samples);
    check_stale((size_t)round * SAMPLES);
    CHECK(cexit_stack_count(NULL) == BURST + 1 && statm(1) - before > 30000);
    for (int i = 0; i < SAMPLES / 2; i++) CHECK(cexit_cancel(samples[i]));
    for (int i = 0; i < SAMPLES / 2; i++) CHECK(cexit_register(NULL, &counted, &samples[i]) == 0);
    CHECK(cexit_stack_clear(NULL) == BURST + 1);
    CHECK(cexit_register(NULL, &counted, NULL) == 0);
    CHECK(statm(1) - before <= 16);
    check_stale((size_t)(round + 1) * SAMPLES);
  }
  CHECK(cexit_stack_run(NULL) == 1 && runs == 1);
  return 0;
}

static int worn(int count, char **arguments) { // <seed>: storage that is taken, freed and given back at random
  CHECK(count == 1);
  enum { MOST = 20000, STALE = 400000 };
  static cexit_handler live[MOST], stale[STALE];
  size_t lives = 0, stales = 0;
  srandom((unsigned)atoi(arguments[0]));
  while (stales < STALE - MOST) {
    size_t wanted = (size_t)random() % 3 == 0 ? 0 : (size_t)random() % MOST;
    bool in_order = random() % 2 == 0;
    for (; lives < wanted; lives++) CHECK(cexit_register(NULL, &counted, &live[lives]) == 0);
    for (; lives > wanted; lives--) {
      size_t one = in_order ? lives - 1 : (size_t)random() % lives;
      CHECK(cexit_cancel(live[one]));
      stale[stales++] = live[one];
      live[one] = live[lives - 1];
    }
    CHECK(cexit_stack_count(NULL) == lives);
    cexit__entries.most = (uint32_t)random() % 64; // pages; so memory is given back often
    for (int i = 0; i < 2000 && stales != 0; i++) CHECK(!cexit_is_pending(stale[(size_t)random() % stales]));
    for (size_t i = 0; i < lives; i += 7) CHECK(cexit_is_pending(live[i]));
    size_t free = 0;
    for (unsigned chunk = 5; chunk < CHUNKS && cexit__entries.chunk[chunk] != 0; chunk++) free += (size_t)1 << chunk;
    CHECK(cexit__entries.available == free - lives);
  }
  runs = 0;
  CHECK(cexit_stack_run(NULL) == lives && runs == lives);
  return 0;
}

static int refused_reserve(int count, char **arguments) { // keeps nothing of what the reservation got
  (void)count, (void)arguments;
  CHECK(cexit_register(NULL, &counted, NULL) == 0);
  long before = statm(0);
  limit((rlim_t)(before + 100000) * (rlim_t)sysconf(_SC_PAGESIZE)); // enough for some of it
  for (int i = 0; i < 10; i++) CHECK(cexit_reserve(10000000) == ENOMEM && statm(0) == before);
  CHECK(cexit_reserve(100000) == 0 && statm(0) > before);
  return 0;
}

// ---- Leaks: after the handlers LeakSanitizer ends the process with a status of its own

static int leaked_after(int count, char **arguments) { // <cancel|run|clear>: only the entry pointed at the context
  CHECK(count == 1);
  const char *how = arguments[0];
  cexit_handler handlers[40];
  for (int i = 0; i < 40; i++) { // more than the 32 static entries
    cexit_entry entry = {.function = count_run, .context = malloc(99)};
    CHECK(cexit_register(NULL, &entry, &handlers[i]) == 0);
  }
  for (int i = 0; i < 40 && strcmp(how, "cancel") == 0; i++) CHECK(cexit_cancel(handlers[i]));
  for (int i = 0; i < 40 && strcmp(how, "run") == 0; i++) CHECK(cexit_run(handlers[i]));
  if (strcmp(how, "clear") == 0) CHECK(cexit_stack_clear(NULL) == 40);
  return 0;
}

extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static int held_by_entries(int count, char **arguments) { // memory that only pending entries point at is no leak
  (void)count, (void)arguments;
  for (int i = 0; i < 100; i++) {
    cexit_entry entry = {.function = free, .context = malloc(99)};
    CHECK(cexit_register(NULL, &entry, NULL) == 0);
  }
  CHECK(__lsan_do_recoverable_leak_check != NULL);
  return __lsan_do_recoverable_leak_check();
}

FIXTURE({"none", no_memory}, {"none-for-stacks", no_memory_for_stacks}, {"reserved", reserved},
        {"exit", exit_allocates_nothing}, {"churn", churn}, {"generations", generations}, {"burst", burst},
        {"refused", refused_reserve}, {"worn", worn}, {"leaked", leaked_after}, {"held", held_by_entries})
