// SPDX-License-Identifier: Apache-2.0
//
// For each call of libc that the library makes, the program starts itself twice: once the call fails, once the call and
// all later calls fail. A run registers, nests, forks, asks for signals and a deadline, and leaves in one of three ways.
// An accepted entry must run exactly once, and a refused entry never.
//
//   faults FUNCTION          makes every call of FUNCTION fail, with every way out

#include "fixture.h"

#include <signal.h>

// ---- The calls that fail: the program's own functions stand in front of libc's

enum { EVERY_LATER = 1 << 16 };
static const char *failing; // the name of the function that fails
static int fails_at, calls; // the number of the call that fails, and of the last call made

static bool fails(const char *function) {
  static bool asked;
  if (!asked) {
    const char *plan = getenv("FAULT"); // for example "mmap 3"
    asked = true;
    if (plan != NULL) fails_at = atoi(strchr(plan, ' ') + 1);
    failing = plan;
  }
  size_t length = strlen(function);
  if (failing == NULL || strncmp(failing, function, length) != 0 || failing[length] != ' ') return false;
  calls++;
  return calls == fails_at % EVERY_LATER || (fails_at > EVERY_LATER && calls >= fails_at % EVERY_LATER);
}

#define REAL_NAMED(function, name) ((__typeof__(&function))dlsym(RTLD_NEXT, name))
#define REAL(function) REAL_NAMED(function, #function)
#ifdef __USE_FILE_OFFSET64 // a call of mmap is one of mmap64 then, whose offset is wider on a machine of 32 bits
#define REAL_MMAP REAL_NAMED(mmap, "mmap64")
#else
#define REAL_MMAP REAL(mmap)
#endif

void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset) {
  if (!fails("mmap")) return REAL_MMAP(address, size, protection, flags, file, offset);
  errno = ENOMEM;
  return MAP_FAILED;
}

int madvise(void *address, size_t size, int advice) {
  if (!fails("madvise")) return REAL(madvise)(address, size, advice);
  errno = EINVAL;
  return -1;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*function)(void *), void *argument) {
  return fails("pthread_create") ? EAGAIN : REAL(pthread_create)(thread, attributes, function, argument);
}

int pthread_key_create(pthread_key_t *key, void (*destructor)(void *)) {
  return fails("pthread_key_create") ? EAGAIN : REAL(pthread_key_create)(key, destructor);
}

int sigaction(int number, const struct sigaction *action, struct sigaction *before) {
  if (!fails("sigaction")) return REAL(sigaction)(number, action, before);
  errno = EINVAL;
  return -1;
}

extern int __cxa_atexit(void (*function)(void *), void *argument, void *object);
int __cxa_atexit(void (*function)(void *), void *argument, void *object) {
  if (!fails("__cxa_atexit")) return REAL(__cxa_atexit)(function, argument, object);
  errno = ENOMEM;
  return -1;
}

FILE *fopencookie(void *cookie, const char *mode, cookie_io_functions_t functions) {
  if (!fails("fopencookie")) return REAL(fopencookie)(cookie, mode, functions);
  errno = ENOMEM;
  return NULL;
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  int mode = va_arg(rest, int);
  va_end(rest);
  if (!fails("open")) return REAL(open)(path, flags, mode);
  errno = EMFILE;
  return -1;
}

#ifdef __GLIBC__
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);

void *malloc(size_t size) {
  if (!fails("malloc")) return __libc_malloc(size);
  errno = ENOMEM;
  return NULL;
}

void *calloc(size_t count, size_t size) {
  if (!fails("calloc")) return __libc_calloc(count, size);
  errno = ENOMEM;
  return NULL;
}

extern int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *object);
extern void *__dso_handle;
int pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void)) {
  return fails("pthread_atfork") ? ENOMEM : __register_atfork(prepare, parent, child, &__dso_handle);
}
#endif

// ---- A run notes accepted and executed entries in memory that the run shares with its parent

enum { HANDLERS = 200 };

struct notes {
  _Atomic int accepted[HANDLERS], ran[HANDLERS], refused, wrong, calls, signals_asked, done;
};
static struct notes *notes;
static int handlers;

static bool refused(int error) {
  if (error == 0) return false;
  notes->refused++;
  if (error < 0 || error > 133) notes->wrong++; // not an errno value
  return true;
}

static void note_run(void *number) {
  notes->ran[(intptr_t)number]++;
}

static void register_in(cexit_stack *stack) {
  cexit_entry entry = {.function = note_run, .context = (void *)(intptr_t)handlers};
  if (!refused(cexit_register(stack, &entry, NULL))) notes->accepted[handlers] = 1;
  handlers++;
}

static void fork_and_leave(void) { // makes a child that registers a handler and exits
  int before = handlers++;
  pid_t child = fork();
  if (child == 0) {
    cexit_entry entry = {.function = note_run, .context = (void *)(intptr_t)before};
    if (!refused(cexit_register(NULL, &entry, NULL))) notes->accepted[before] = 1;
    cexit_exit(0);
  }
  int status;
  if (child > 0 && (waitpid(child, &status, 0) != child || status != 0)) notes->wrong++;
}

static int run_once(const char *way) {
  cexit_stack *nested = NULL, *own = NULL;
  refused(cexit_reserve(50));
  for (int i = 0; i < 100; i++) register_in(NULL);
  if (!refused(cexit_stack_nest(NULL, "nested", &nested))) register_in(nested);
  if (!refused(cexit_stack_create("own", &own))) register_in(own);
  fork_and_leave();
  refused(cexit_set_deadline(60000000000));
  refused(cexit_prepare_limits());
  bool asked = !refused(cexit_exit_on_signals((const int[]){SIGTERM}, 1));
  notes->signals_asked = asked;
  for (int i = 0; i < 20; i++) register_in(NULL);
  if (own != NULL) {
    cexit_stack_run(own);
    cexit_stack_destroy(own);
  }
  notes->calls = calls;
  notes->done = 1;
  if (strcmp(way, "door") == 0) cexit_exit(7);
  if (strcmp(way, "signal") == 0) kill(getpid(), SIGTERM);
  if (strcmp(way, "signal") == 0 && asked) pause();
  exit(7);
}

// ---- All runs

static const char *program;

static bool is_right(const char *way, int status, bool can_end) {
  bool by_signal = strcmp(way, "signal") == 0, exited = WIFEXITED(status);
  // Where a process cannot die of a signal, its status is 128 + n.
  bool died = exited ? WEXITSTATUS(status) == 128 + SIGTERM : WTERMSIG(status) == SIGTERM;
  bool ended = by_signal ? died : exited && WEXITSTATUS(status) == 7;
  if (!can_end || !ended || notes->wrong != 0 || !notes->done) return false;
  if (by_signal && !notes->signals_asked) return true; // SIGTERM killed the run at once, as without the library
  for (int i = 0; i < HANDLERS; i++) {
    if (notes->ran[i] != notes->accepted[i]) return false;
  }
  return true;
}

static bool run_with(const char *function, int number, const char *way, int file) {
  char plan[64], place[16];
  memset(notes, 0, sizeof *notes);
  snprintf(plan, sizeof plan, "%s %d", function, number);
  snprintf(place, sizeof place, "%d", file);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    setenv("FAULT", plan, 1);
    start_again((char *[]){(char *)program, "run", (char *)way, place, NULL});
    _exit(98);
  }
  int status = 0, waited = 0;
  while (waitpid(child, &status, WNOHANG) == 0 && waited++ < 20000) usleep(1000);
  if (waited >= 20000) kill(child, SIGKILL), waitpid(child, &status, 0);
  if (is_right(way, status, waited < 20000)) return true;
  int accepted = 0, ran = 0;
  for (int i = 0; i < HANDLERS; i++) accepted += notes->accepted[i], ran += notes->ran[i];
  say("%s: call %d%s, %s: status %#x, %d accepted, %d ran, %d refused, %d wrong\n", function, number % EVERY_LATER,
      number > EVERY_LATER ? " and all later" : "", way, status, accepted, ran, notes->refused, notes->wrong);
  return false;
}

int main(int argc, char **argv) {
  CHECK(argc > 1);
  if (strcmp(argv[1], "run") == 0) {
    notes = REAL_MMAP(NULL, sizeof *notes, PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[3]), 0);
    CHECK(notes != MAP_FAILED);
    return run_once(argv[2]);
  }
  program = argv[0];
  int file = memfd_create("notes", 0), runs = 0, wrong = 0, refusals = 0;
  CHECK(file >= 0 && ftruncate(file, sizeof *notes) == 0);
  notes = mmap(NULL, sizeof *notes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  static const char *const ways[] = {"door", "exit", "signal"};
  for (int way = 0; way < 3; way++) {
    CHECK(run_with(argv[1], 0, ways[way], file));
    int most = notes->calls;
    for (int number = 1; number <= most + 3; number++) { // the exit makes up to three more calls
      for (int later = 0; later <= EVERY_LATER; later += EVERY_LATER, runs++) {
        wrong += !run_with(argv[1], number + later, ways[way], file);
        refusals += notes->refused != 0;
      }
    }
  }
  say("%s: %d runs, %s, %s\n", argv[1], runs, refusals > 0 ? "some calls refused" : "no call refused",
      wrong == 0 ? "nothing lost" : "WRONG");
  return wrong != 0;
}
