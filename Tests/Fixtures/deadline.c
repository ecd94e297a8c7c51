// SPDX-License-Identifier: Apache-2.0
// Handlers that never end, each in its own way, and the line that the deadline prints about each.

#include "fixture.h"

#include <poll.h>

// The allocator of this program has one lock and never reuses memory.
static pthread_mutex_t allocating = PTHREAD_MUTEX_INITIALIZER;
static _Alignas(16) char memory[1 << 24];
static size_t used;

void *malloc(size_t size) {
  pthread_mutex_lock(&allocating);
  size_t *block = (size_t *)(void *)(memory + used);
  used += (size + 31) / 16 * 16;
  pthread_mutex_unlock(&allocating);
  *block = size;
  return (char *)block + 16;
}
void *calloc(size_t count, size_t size) {
  return malloc(count * size);
}
void *realloc(void *old, size_t size) {
  void *fresh = malloc(size);
  size_t had = old != NULL ? *(size_t *)(void *)((char *)old - 16) : 0;
  if (old != NULL) memcpy(fresh, old, had < size ? had : size);
  return fresh;
}
void free(void *block) {
  (void)block;
}

// poll finds space in the pipe of stderr, and another writer fills the pipe before the library writes: the worst moment.
static bool fills;

static void fill(int file) {
  fcntl(file, F_SETFL, O_NONBLOCK);
  static char page[4096];
  for (size_t size = sizeof page; size != 0; size /= 16) {
    while (write(file, page, size) > 0) continue;
  }
  fcntl(file, F_SETFL, 0);
}

int poll(struct pollfd *files, nfds_t count, int most) {
  struct timespec time = {most / 1000, most % 1000 * 1000000L};
  int ready = ppoll(files, count, &time, NULL);
  if (fills) fill(STDERR_FILENO);
  return ready;
}

static void rest(void) {
  while (pause() < 0) continue;
}

static void spin(void *context) {
  (void)context;
  for (volatile unsigned long i = 0;; i++) continue;
}

static void block(void *context) {
  (void)context;
  int ends[2];
  char byte;
  // Where stderr is closed, the pipe can get number 2. Then lines for stderr arrive in the pipe, and read returns.
  if (pipe(ends) == 0)
    while (read(ends[0], &byte, 1) == 1) continue;
}

static void hold_allocator(void *context) { // from now on every thread that allocates blocks
  (void)context;
  pthread_mutex_lock(&allocating);
  rest();
}

static void lock_up(void *context) { // the thread waits for a lock that the thread holds
  (void)context;
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&mutex);
  pthread_mutex_lock(&mutex);
}

static void stop_all_signals(void *context) {
  (void)context;
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, NULL);
  rest();
}

static void nothing(void *context) {
  (void)context;
}

static void block_in_release(void *context) { // overwrites the entry's name: a release may free the name
  memset(context, 'x', strlen(context));
  rest();
}

static const struct stuck {
  const char *name;
  void (*function)(void *);
} stuck[] = {
    {"spin", spin}, {"block", block}, {"allocator", hold_allocator}, {"lock", lock_up}, {"mask", stop_all_signals}};

static void push_stuck(cexit_stack *stack, const char *name) {
  for (size_t i = 0; i < sizeof stuck / sizeof *stuck; i++) {
    if (strcmp(name, stuck[i].name) != 0) continue;
    cexit_entry entry = {.function = stuck[i].function, .name = name, .file = "App/main.c", .line = 12};
    CHECK(cexit_register(stack, &entry, NULL) == 0);
    return;
  }
  CHECK(!"no such handler");
}

static const uint64_t millisecond = 1000000;

static int whole(int count, char **arguments) {
  CHECK(count == 1);
  CHECK(cexit_set_deadline(150 * millisecond) == 0 && cexit_deadline() == 150 * millisecond);
  push_name(NULL, "never");
  push_stuck(NULL, arguments[0]);
  push_name(NULL, "first");
  exit(7);
}

static int nested(int count, char **arguments) {
  CHECK(count == 1);
  cexit_stack *module;
  CHECK(cexit_set_deadline(150 * millisecond) == 0);
  CHECK(cexit_stack_nest(NULL, "module", &module) == 0);
  push_stuck(module, arguments[0]);
  exit(7);
}

static int unnamed(int count, char **arguments) {
  (void)count;
  (void)arguments;
  CHECK(cexit_set_deadline(150 * millisecond) == 0);
  push(NULL, block, NULL);
  exit(7);
}

static int strange_name(int count, char **arguments) {
  (void)count;
  (void)arguments;
  static char text[3000];
  memset(text, 'n', sizeof text - 1);
  text[1] = '\n';
  CHECK(cexit_set_deadline(150 * millisecond) == 0);
  CHECK(cexit_register(NULL, &(cexit_entry){.function = block, .name = text}, NULL) == 0);
  exit(7);
}

static int release(int count, char **arguments) {
  (void)count;
  (void)arguments;
  static char name[] = "goes early";
  CHECK(cexit_set_deadline(150 * millisecond) == 0);
  cexit_entry entry = {.function = nothing,
                       .release = block_in_release,
                       .context = name,
                       .name = name,
                       .file = "App/main.c",
                       .line = 12};
  CHECK(cexit_register(NULL, &entry, NULL) == 0);
  exit(7);
}

static int on_signal(int count, char **arguments) {
  CHECK(count == 1);
  CHECK(cexit_set_deadline(150 * millisecond) == 0);
  CHECK(cexit_exit_on_signals(NULL, 0) == 0);
  push_stuck(NULL, arguments[0]);
  raise(SIGTERM);
  rest();
  return 97;
}

static void limited(void *context) {
  CHECK(cexit_limit(150 * millisecond) == 0);
  ((void (*)(void *))context)(NULL);
}

static void limited_in_time(void *context) {
  CHECK(cexit_limit(150 * millisecond) == 0);
  say_name(context);
}

static void slow(void *context) { // takes longer than the limit of the handler before
  (void)context;
  CHECK(poll(NULL, 0, 300) == 0);
  say("slow\n");
}

static int limit(int count, char **arguments) {
  CHECK(count == 1);
  CHECK(cexit_prepare_limits() == 0 && cexit_limit(millisecond) == EINVAL); // no handler is running
  push_name(NULL, "never");
  cexit_entry entry = {.function = limited, .name = "limited", .file = "App/main.c", .line = 34};
  for (size_t i = 0; i < sizeof stuck / sizeof *stuck; i++) {
    if (strcmp(arguments[0], stuck[i].name) == 0) entry.context = (void *)stuck[i].function;
  }
  CHECK(entry.context != NULL && cexit_register(NULL, &entry, NULL) == 0);
  push(NULL, slow, NULL);
  push(NULL, limited_in_time, "in time");
  exit(7);
}

static int by_hand(int count, char **arguments) { // limits and deadline do not end a manual run
  (void)count;
  (void)arguments;
  cexit_stack *stack;
  CHECK(cexit_set_deadline(50 * millisecond) == 0 && cexit_stack_create("by hand", &stack) == 0);
  push(stack, slow, NULL);
  push(stack, limited_in_time, "limited");
  cexit_stack_run(stack);
  return 3;
}

static _Atomic bool at_work;

static void *run_elsewhere(void *stack) {
  cexit_stack_run(stack);
  return NULL;
}

static void work(void *context) {
  (void)context;
  at_work = true;
  rest();
}

static int elsewhere(int count, char **arguments) { // the exit waits for a handler that another thread runs
  (void)count;
  (void)arguments;
  cexit_stack *stack;
  CHECK(cexit_set_deadline(150 * millisecond) == 0 && cexit_stack_create("by hand", &stack) == 0);
  push_name(NULL, "handler");
  push(stack, work, NULL);
  start(run_elsewhere, stack);
  while (!at_work) sched_yield();
  exit(7);
}

static void libcs(void) {
  rest();
}

static int in_libc(int count, char **arguments) { // libc's handler hangs, after the last handler of the library
  (void)count;
  (void)arguments;
  CHECK(atexit(libcs) == 0 && cexit_set_deadline(150 * millisecond) == 0);
  push_name(NULL, "handler");
  exit(7);
}

static void set_and_block(void *context) {
  CHECK(cexit_set_deadline(150 * millisecond) == 0);
  block(context);
}

static int during(int count, char **arguments) { // a handler sets the deadline of the exit in progress
  (void)count;
  (void)arguments;
  CHECK(cexit_register(NULL, &(cexit_entry){.function = set_and_block, .name = "setter"}, NULL) == 0);
  exit(7);
}

static int no_stderr(int count, char **arguments) { // a stderr that takes no line must not keep the process from ending
  CHECK(count == 1);
  int ends[2];
  CHECK(pipe(ends) == 0);
  if (strcmp(arguments[0], "closed") == 0)
    close(STDERR_FILENO);
  else
    CHECK(dup2(ends[1], STDERR_FILENO) >= 0);
  if (strcmp(arguments[0], "broken") == 0) close(ends[0]);
  if (strcmp(arguments[0], "full") == 0) fill(ends[1]);
  fills = strcmp(arguments[0], "filled") == 0;
  CHECK(cexit_set_deadline(150 * millisecond) == 0);
  push(NULL, block, NULL);
  exit(7);
}

static int success(int count, char **arguments) { // exit(0) that runs out of time ends with a status for failure
  CHECK(cexit_set_timeout_status(-1) == EINVAL && cexit_set_timeout_status(256) == EINVAL);
  if (count > 0) CHECK(cexit_set_timeout_status(atoi(arguments[0])) == 0);
  CHECK(cexit_set_deadline(150 * millisecond) == 0);
  push_stuck(NULL, "block");
  exit(0);
}

static int left(int count, char **arguments) { // the line counts handlers of nested stacks, but not the nested stack
  (void)count;
  (void)arguments;
  cexit_stack *module;
  CHECK(cexit_set_deadline(150 * millisecond) == 0);
  push_name(NULL, "never");
  CHECK(cexit_stack_nest(NULL, "module", &module) == 0);
  push_name(module, "never");
  cexit_entry next = {.function = say_name, .context = "never", .name = "next", .file = "App/next.c", .line = 7};
  CHECK(cexit_register(module, &next, NULL) == 0);
  push_stuck(NULL, "block");
  exit(7);
}

static int gate[2];

static void wait_for_word(void *context) {
  (void)context;
  char byte;
  say("waiting\n");
  CHECK(write(gate[1], "w", 1) == 1);
  while (read(STDIN_FILENO, &byte, 1) < 0) CHECK(errno == EINTR);
  CHECK(poll(NULL, 0, 100) == 0); // a deadline that counted the stopped time would end the process now
  say("done\n");
}

// A child stops the exiting parent for longer than the deadline, writes the word, and then continues the parent.
static int stopped(int count, char **arguments) {
  (void)count;
  (void)arguments;
  int word[2];
  pid_t parent = getpid();
  CHECK(pipe(word) == 0 && pipe(gate) == 0);
  pid_t child = fork();
  if (child == 0) {
    char byte;
    CHECK(read(gate[0], &byte, 1) == 1 && kill(parent, SIGSTOP) == 0);
    CHECK(poll(NULL, 0, 2000) == 0);
    CHECK(write(word[1], "w", 1) == 1 && kill(parent, SIGCONT) == 0);
    _exit(0);
  }
  CHECK(dup2(word[0], STDIN_FILENO) == STDIN_FILENO && cexit_set_deadline(1000 * millisecond) == 0);
  push(NULL, wait_for_word, NULL);
  exit(7);
}

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static void take_held(void *context) {
  (void)context;
  pthread_mutex_lock(&held);
  say("has the lock\n");
}

// A signal's exit stops the main thread where main sleeps in the kernel, and main has a lock. In a read main does not get
// so far as to unlock.
static int held_lock(int count, char **arguments) {
  bool sleeps = strcmp(arguments[0], "sleep") == 0;
  CHECK(count == 1 && cexit_set_deadline(sleeps ? 0 : 600 * millisecond) == 0 && cexit_exit_on_signals(NULL, 0) == 0);
  cexit_entry entry = {.function = take_held, .name = "needs the lock", .file = "App/main.c", .line = 12};
  CHECK(cexit_register(NULL, &entry, NULL) == 0 && pthread_mutex_lock(&held) == 0);
  say("ready\n");
  if (sleeps)
    sleep(1000);
  else
    block(NULL);
  pthread_mutex_unlock(&held);
  rest();
  return 97;
}

static int over_before(int count, char **arguments) { // a deadline that is over when the exit begins
  (void)count;
  (void)arguments;
  CHECK(cexit_set_deadline(1) == 0);
  push(NULL, block, NULL);
  exit(7);
}

static int bad(int count, char **arguments) {
  (void)count;
  (void)arguments;
  CHECK(cexit_set_deadline(millisecond) == 0);
  CHECK(cexit_set_deadline((uint64_t)-1) == EINVAL && cexit_deadline() == millisecond);
  CHECK(cexit_set_deadline(0) == 0 && cexit_deadline() == 0);
  push(NULL, slow, NULL);
  return 3;
}

static int child(int count, char **arguments) { // a child has no deadline until the child sets a deadline
  bool sets = count > 0;
  (void)arguments;
  CHECK(cexit_set_deadline(100 * millisecond) == 0);
  pid_t made = fork();
  if (made == 0) {
    CHECK(cexit_deadline() == 0);
    if (sets) CHECK(cexit_set_deadline(100 * millisecond) == 0);
    push_name(NULL, "child's");
    push(NULL, sets ? block : slow, NULL);
    exit(5);
  }
  say_end(made);
  return 3;
}

// ---- How long the library's threads sleep

extern void cexit__futex_wait_for(const void *word, uint32_t seen, uint64_t nanoseconds); // the core is part of this program

static int waits(int count, char **arguments) {
  (void)count, (void)arguments;
  static const uint32_t word;
  struct timespec before, after;
  clock_gettime(CLOCK_MONOTONIC, &before);
  cexit__futex_wait_for(&word, 0, 100 * millisecond);
  clock_gettime(CLOCK_MONOTONIC, &after);
  CHECK((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 >= 99);
  return 0;
}

FIXTURE({"waits", waits}, {"whole", whole}, {"nested", nested}, {"unnamed", unnamed}, {"strange name", strange_name},
        {"release", release}, {"signal", on_signal}, {"limit", limit}, {"by hand", by_hand}, {"elsewhere", elsewhere},
        {"libc", in_libc}, {"during", during}, {"no stderr", no_stderr}, {"bad", bad}, {"success", success},
        {"left", left}, {"stopped", stopped}, {"child", child}, {"held lock", held_lock}, {"over before", over_before})
