// SPDX-License-Identifier: Apache-2.0
//
// The measures of the C core and, beside each, of libc's atexit. Each runs in a process of its own. Handlers are empty
// functions; a number is nanoseconds for one operation unless its row says otherwise.

#include "bench.h"

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <time.h>

uint64_t clock_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void nothing(void) {
  __asm__ volatile(""); // clang takes an atexit of an empty function away
}
static void nothing_with(void *context) {
  (void)context;
}

_Noreturn void tell(double number) { // and leave: what comes after is not measured
  printf("%f\n", number);
  fflush(stdout);
  _exit(0);
}

_Noreturn void tell_each(uint64_t since, size_t count) {
  tell((double)(clock_now() - since) / (double)count);
}

static cexit_handler handlers[MILLION];

static void register_ours(size_t count) {
  for (size_t i = 0; i < count; i++) cexit_atexit(nothing);
}

static void register_libc(size_t count) {
  for (size_t i = 0; i < count; i++) atexit(nothing);
}

static inline void register_one(cexit_handler *out) { // made anew each time, as callers do
  cexit_register(NULL, &(cexit_entry){.function = nothing_with, .context = out}, out);
}

static void register_handles(size_t count) {
  for (size_t i = 0; i < count; i++) register_one(&handlers[i]);
}

// ---- Registering

static void ours_cold(void) {
  uint64_t start = clock_now();
  register_ours(MILLION);
  tell_each(start, MILLION);
}

static void libc_cold(void) {
  uint64_t start = clock_now();
  register_libc(MILLION);
  tell_each(start, MILLION);
}

static void ours_warm(void) {
  register_ours(MILLION);
  cexit_stack_clear(NULL);
  ours_cold();
}

static void handles_warm(void) {
  register_handles(MILLION);
  cexit_stack_clear(NULL);
  uint64_t start = clock_now();
  register_handles(MILLION);
  tell_each(start, MILLION);
}

static void warm_heap(void) { // libc's list never shrinks before the exit: what can be warm is malloc's memory
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  char *memory = malloc(80 << 20);
  if (memory == NULL) return;
  memset(memory, 1, 80 << 20);
  __asm__ volatile("" ::"r"(memory) : "memory");
  free(memory);
}

static void libc_warm(void) {
  warm_heap();
  libc_cold();
}

// ---- Cancelling

static void cancel_all(size_t count) { // in the order in which `handlers` names them
  uint64_t start = clock_now();
  for (size_t i = 0; i < count; i++) cexit_cancel(handlers[i]);
  tell_each(start, count);
}

static void cancel_oldest(void) {
  register_handles(MILLION);
  cancel_all(MILLION);
}

static void reverse(size_t count) {
  for (size_t i = 0, j = count - 1; i < j; i++, j--) {
    cexit_handler other = handlers[i];
    handlers[i] = handlers[j];
    handlers[j] = other;
  }
}

static void cancel_newest(void) {
  register_handles(MILLION);
  reverse(MILLION);
  cancel_all(MILLION);
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

static void random_of(size_t count) {
  register_handles(count);
  shuffle(count);
  cancel_all(count);
}

static void random_quarter(void) {
  random_of(MILLION / 4);
}

static void random_million(void) {
  random_of(MILLION);
}

static uint64_t pairs_over(size_t live, size_t count) { // says when it started
  cexit_handler handler;
  register_handles(live);
  uint64_t start = clock_now();
  for (size_t i = 0; i < count; i++) {
    register_one(&handler);
    cexit_cancel(handler);
  }
  return start;
}

static void pairs(void) {
  tell_each(pairs_over(1, MILLION), MILLION);
}

static void pairs_in_window(void) { // a thousand live at any time, the oldest goes for each that comes
  enum { WINDOW = 1000 };
  register_handles(WINDOW);
  uint64_t start = clock_now();
  for (size_t i = 0; i < MILLION; i++) {
    cexit_handler *place = &handlers[i % WINDOW];
    cexit_cancel(*place);
    register_one(place);
  }
  tell_each(start, MILLION);
}

// ---- Running: from the first handler called to the last

static uint64_t run_started;

static void run_starts(void) {
  run_started = clock_now();
}

static void run_ends(void) {
  tell_each(run_started, MILLION);
}

static void ours_run(void) {
  cexit_atexit(run_ends);
  register_ours(MILLION);
  cexit_atexit(run_starts);
}

static void libc_run(void) {
  atexit(run_ends);
  register_libc(MILLION);
  atexit(run_starts);
}

static void libc_run_warm(void) {
  warm_heap();
  libc_run();
}

// ---- A whole process: measured from outside, so these tell nothing

static void ours_whole(void) {
  register_ours(MILLION);
}

static void libc_whole(void) {
  register_libc(MILLION);
}

static void one_ours(void) {
  register_ours(1);
}

static void one_libc(void) {
  register_libc(1);
}

// ---- Another copy of the core, which lies beside this program: its first call finds this one's stack

static void find_copy(void) {
  char path[4096];
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 16);
  if (length < 0) return;
  while (length > 0 && path[length - 1] != '/') length--;
  strcpy(path + length, "core.so");
  void *other = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  size_t (*count)(cexit_stack *) = NULL;
  if (other != NULL) *(void **)&count = dlsym(other, "cexit_stack_count");
  if (count == NULL) return;
  register_ours(1);
  uint64_t start = clock_now();
  bool found = count(NULL) == 1;
  if (found) tell_each(start, 1);
}

// ---- Two threads

static pthread_barrier_t together;

struct half {
  void (*register_some)(size_t);
  uint64_t start, end;
};

static void *run_half(void *context) {
  struct half *half = context;
  pthread_barrier_wait(&together);
  half->start = clock_now();
  half->register_some(MILLION / 2);
  half->end = clock_now();
  return NULL;
}

static void two_threads(void (*register_some)(size_t)) {
  struct half halves[2] = {{register_some, 0, 0}, {register_some, 0, 0}};
  pthread_t thread;
  pthread_barrier_init(&together, NULL, 2);
  if (pthread_create(&thread, NULL, run_half, &halves[0]) != 0) return;
  run_half(&halves[1]);
  pthread_join(thread, NULL);
  uint64_t start = halves[0].start < halves[1].start ? halves[0].start : halves[1].start;
  uint64_t end = halves[0].end > halves[1].end ? halves[0].end : halves[1].end;
  tell((double)(end - start) / MILLION);
}

static void ours_two(void) {
  two_threads(register_ours);
}

static void libc_two(void) {
  two_threads(register_libc);
}

static void ours_two_warm(void) {
  register_ours(MILLION);
  cexit_stack_clear(NULL);
  ours_two();
}

static void libc_two_warm(void) {
  warm_heap();
  libc_two();
}

// ---- Memory, in bytes

static double resident_now(void) {
  char text[128];
  long pages = 0;
  int file = open("/proc/self/statm", O_RDONLY);
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return 0;
  text[length] = 0;
  sscanf(text, "%*d %ld", &pages);
  return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

double resident(void) { // asking touches memory the first time, too
  resident_now();
  return resident_now();
}

// Storage grows by doubling, in huge pages where there are: the slope is taken between two counts that fill it to the
// brim, 32 * (2^12 - 1) and 32 * (2^15 - 1).
enum { FEW = 131040, MANY = 1048544 };

static void slope(void (*register_some)(size_t)) {
  register_some(FEW);
  double before = resident();
  register_some(MANY - FEW);
  tell((resident() - before) / (MANY - FEW));
}

static void ours_bytes(void) {
  slope(register_ours);
}

static void libc_bytes(void) {
  slope(register_libc);
}

static void churn(void) {
  pairs_over(1, 1);
  double before = resident();
  pairs_over(0, 3 * MILLION);
  tell(resident() - before);
}

static void atomics(void) {
  tell(count_atomics());
}

// ----

static const struct {
  const char *name;
  void (*run)(void);
} measures[] = {
    {"ours_cold", ours_cold},
    {"libc_cold", libc_cold},
    {"ours_warm", ours_warm},
    {"libc_warm", libc_warm},
    {"handles_warm", handles_warm},
    {"cancel_oldest", cancel_oldest},
    {"cancel_newest", cancel_newest},
    {"random_quarter", random_quarter},
    {"random_million", random_million},
    {"pairs", pairs},
    {"pairs_in_window", pairs_in_window},
    {"ours_run", ours_run},
    {"libc_run", libc_run},
    {"libc_run_warm", libc_run_warm},
    {"ours_whole", ours_whole},
    {"libc_whole", libc_whole},
    {"ours_two", ours_two},
    {"libc_two", libc_two},
    {"ours_two_warm", ours_two_warm},
    {"libc_two_warm", libc_two_warm},
    {"ours_bytes", ours_bytes},
    {"libc_bytes", libc_bytes},
    {"churn", churn},
    {"one_ours", one_ours},
    {"one_libc", one_libc},
    {"find_copy", find_copy},
    {"atomics", atomics},
};

bool measure(const char *name) {
  for (size_t i = 0; i < sizeof measures / sizeof *measures; i++) {
    if (strcmp(measures[i].name, name) != 0) continue;
    measures[i].run();
    return true;
  }
  return measure_wear(name);
}
