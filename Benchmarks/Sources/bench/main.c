// SPDX-License-Identifier: Apache-2.0
//
// The table. Every row compares a measure of the library with a reference. Each repetition starts a fresh process for
// either, in turn. The row shows the least of each and their ratio, since a busy machine only ever adds time.
// A row without a reference holds its own number to the limit.
//
//   bench [--check] [--repetitions N] [--only WORD]
//
// The exit status is 0 for all numbers; with --check the status is 1 when a row is over its limit.

#include "bench.h"

#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

typedef struct {
  enum { THIS, SWIFT, ONE_CLOSURE, NO_LIBRARY, ONE_HANDLER, NO_HANDLER, FIRST, PYTHON } program;
  const char *measure;
} side;

typedef struct {
  const char *name, *unit; // ms: measured from outside, from the start of the process to its end
                           // ms more: the same, compared by their difference
  double limit;            // 0: none, the row is for information
  side ours, reference;
} row;

static const row rows[] = {
    {"register, cold", "ns", 1.0, {THIS, "ours_cold"}, {THIS, "libc_cold"}},
    {"register, warm", "ns", 0.5, {THIS, "ours_warm"}, {THIS, "libc_cold"}},
    {"register with a handle, warm", "ns", 0.5, {THIS, "handles_warm"}, {THIS, "libc_cold"}},
    {"cancel, oldest first", "ns", 0.5, {THIS, "cancel_oldest"}, {THIS, "libc_cold"}},
    {"cancel, newest first", "ns", 0.5, {THIS, "cancel_newest"}, {THIS, "libc_cold"}},
    {"register and cancel", "ns", 0.8, {THIS, "pairs"}, {THIS, "libc_cold"}},
    {"register and cancel, 1000 others live", "ns", 0.8, {THIS, "pairs_in_window"}, {THIS, "libc_cold"}},
    {"register, 1,000,000 went at random", "ns", 1.0, {THIS, "worn_million"}, {THIS, "libc_cold"}},
    {"register, 500,000 of 1,000,000 went at random", "ns", 1.0, {THIS, "worn_half"}, {THIS, "libc_cold"}},
    {"register, 100,000 went at random; in order", "ns", 1.2, {THIS, "worn_small"}, {THIS, "warm_small"}},
    {"memory kept of 10,000,000, at the next one", "KiB", 64, {THIS, "burst"}, {THIS, NULL}},
    {"run", "ns", 0.35, {THIS, "ours_run"}, {THIS, "libc_run"}},
    {"run, in random order of memory", "ns", 1.0, {THIS, "run_random"}, {THIS, "libc_run"}},
    {"register, warm; libc: touched heap", "ns", 0, {THIS, "ours_warm"}, {THIS, "libc_warm"}},
    {"run; libc: touched heap", "ns", 0, {THIS, "ours_run"}, {THIS, "libc_run_warm"}},
    {"process that registers 1,000,000", "ms", 0.7, {THIS, "ours_whole"}, {THIS, "libc_whole"}},
    {"two threads register, cold", "ns", 1.0, {THIS, "ours_two"}, {THIS, "libc_two"}},
    {"two threads register, warm", "ns", 1.0, {THIS, "ours_two_warm"}, {THIS, "libc_two_warm"}},
    {"register and cancel, two threads; one", "ns", 0.8, {THIS, "pairs_two_threads"}, {THIS, "pairs_one_thread"}},
    {"random cancel, 1,000,000 to 250,000", "ns", 2.5, {THIS, "random_million"}, {THIS, "random_quarter"}},
    {"memory for an entry", "B", 64, {THIS, "ours_bytes"}, {THIS, NULL}},
    {"memory grown by 3,000,000 pairs", "KiB", 16, {THIS, "churn"}, {THIS, NULL}},
    {"find the stack in another copy, once", "ns", 20000, {THIS, "find_copy"}, {THIS, NULL}},
    {"locked instructions, register + cancel", "", 0.1, {THIS, "atomics"}, {THIS, NULL}},
    {"process that registers one", "ms", 0, {THIS, "one_ours"}, {THIS, "one_libc"}},
    {"process, to one without CExitShim", "ms more", 0.05, {ONE_HANDLER, "it"}, {NO_HANDLER, "it"}},
    {"process, with CExitFirst to none", "ms more", 0.1, {FIRST, "it"}, {NO_HANDLER, "it"}},
    {"Swift: register a closure", "ns", 0.5, {SWIFT, "register"}, {PYTHON, "register"}},
    {"Swift: register a closure with a name", "ns", 0.6, {SWIFT, "register_named"}, {PYTHON, "register"}},
    {"Swift: register a closure with a timeout", "ns", 0.6, {SWIFT, "register_limited"}, {PYTHON, "register"}},
    {"Swift: register a closure with a context", "ns", 0.6, {SWIFT, "register_context"}, {PYTHON, "register"}},
    {"Swift: register; append to an array", "ns", 0, {SWIFT, "register"}, {SWIFT, "array"}},
    {"Swift: drain", "ns", 0.8, {SWIFT, "drain"}, {PYTHON, "drain"}},
    {"Swift: drain, closures of the main actor", "ns", 0.8, {SWIFT, "drain_main"}, {PYTHON, "drain"}},
    {"Swift: drain, closures with a name", "ns", 0, {SWIFT, "drain_named"}, {PYTHON, "drain"}},
    {"Swift: drain, closures with a context", "ns", 0, {SWIFT, "drain_context"}, {PYTHON, "drain"}},
    {"Swift: drain; call and drop an array's", "ns", 0, {SWIFT, "drain"}, {SWIFT, "drain_array"}},
    {"Swift: cancel; Python: register", "ns", 0, {SWIFT, "cancel"}, {PYTHON, "register"}},
    {"Swift: process, one closure to none", "ms", 0, {SWIFT, "one"}, {SWIFT, "none"}},
    {"Swift: process, to one without ExitKit", "ms more", 0.2, {ONE_CLOSURE, "it"}, {NO_LIBRARY, "it"}},
};

// The same work as in Swift: a function with one argument, a million times.
static const char python[] = "import atexit, sys, time\n"
                             "count, now, name, start = 1000000, time.perf_counter_ns, sys.argv[1], 0\n"
                             "def handler(number): pass\n"
                             "def first():\n"
                             "  global start\n"
                             "  start = now()\n"
                             "def last():\n"
                             "  if name == 'drain': print((now() - start) / count)\n"
                             "def fill(register):\n"
                             "  for i in range(count): register(handler, i)\n"
                             "atexit.register(last)\n"
                             "start = now()\n"
                             "fill(atexit.register)\n"
                             "if name == 'register': print((now() - start) / count)\n"
                             "atexit.register(first)\n";

static char self[4096]; // the path of this program; the Swift programs are in the same folder

static double run_program(char **arguments, bool from_outside) { // negative: it could not be
  int out[2];
  if (pipe2(out, O_CLOEXEC) != 0) return -1;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  uint64_t start = clock_now();
  pid_t child;
  int error = posix_spawnp(&child, arguments[0], &actions, NULL, arguments, environ), status = 0;
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);

  char text[64];
  ssize_t length = error != 0 ? 0 : read(out[0], text, sizeof text - 1); // up to the end: the child has the other end
  while (error == 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  double elapsed = (double)(clock_now() - start);
  close(out[0]);
  if (error != 0 || status != 0) return -1;
  if (from_outside) return elapsed;
  if (length <= 0) return -1;
  text[length] = 0;
  return strtod(text, NULL);
}

static double run(side of, bool from_outside) { // negative: it could not be
  static const char *const names[] = {
      [SWIFT] = "swiftbench",       [ONE_CLOSURE] = "oneclosure", [NO_LIBRARY] = "nolibrary",
      [ONE_HANDLER] = "onehandler", [NO_HANDLER] = "nohandler",   [FIRST] = "first"};
  char beside[sizeof self + 16];
  if (of.program != THIS && of.program != PYTHON)
    snprintf(beside, sizeof beside, "%.*s/%s", (int)(strrchr(self, '/') - self), self, names[of.program]);
  char *measured[] = {of.program == THIS ? self : beside, "--measure", (char *)of.measure, NULL};
  char *scripted[] = {"python3", "-c", (char *)python, (char *)of.measure, NULL};
  return run_program(of.program == PYTHON ? scripted : measured, from_outside);
}

static void print_row(const row *of, double ours, double reference, double ratio, const char *verdict) {
  char numbers[3][24] = {"", "", ""};
  bool compared = of->reference.measure != NULL;
  int unit = (int)strcspn(of->unit, " "); // without the " more", which is for the comparison
  snprintf(numbers[0], sizeof numbers[0], "%.1f %.*s", ours, unit, of->unit);
  if (compared) snprintf(numbers[1], sizeof numbers[1], "%.1f %.*s", reference, unit, of->unit);
  if (compared) snprintf(numbers[2], sizeof numbers[2], of->unit[unit] != 0 ? "%+.2f" : "%.2f", ratio);
  char limit[24] = "";
  if (of->limit != 0) snprintf(limit, sizeof limit, "%.6g", of->limit);
  printf("%-56s %12s %12s %8s %8s  %s\n", of->name, numbers[0], numbers[1], numbers[2], limit, verdict);
  fflush(stdout);
}

static bool show(const row *of, int repetitions) { // false: over its limit
  bool from_outside = strncmp(of->unit, "ms", 2) == 0, subtracted = strcmp(of->unit, "ms more") == 0;
  bool compared = of->reference.measure != NULL;
  double scale = from_outside ? 1e6 : strcmp(of->unit, "KiB") == 0 ? 1024 : 1;
  double ours = HUGE_VAL, reference = HUGE_VAL;
  if (subtracted) repetitions *= 20; // a process takes milliseconds, and the difference is a hundredth of that
  for (int i = 0; i < repetitions; i++) {
    double one = run(of->ours, from_outside) / scale;
    double other = compared ? run(of->reference, from_outside) / scale : 0;
    if (one < 0 || other < 0) {
      printf("%-56s skipped: %s is not to be had\n", of->name,
             one < 0                           ? of->ours.measure
             : of->reference.program == PYTHON ? "python3"
                                               : of->reference.measure);
      return true;
    }
    if (one < ours) ours = one;
    if (other < reference) reference = other;
  }
  double ratio = subtracted ? ours - reference : compared ? ours / reference : ours;
  bool good = of->limit == 0 || ratio <= of->limit;
  print_row(of, ours, reference, ratio, of->limit == 0 ? "-" : good ? "ok" : "OVER");
  return good;
}

// ---- Cost against size

static double run_size(size_t row, size_t count) { // negative: it could not be
  char numbers[2][24];
  snprintf(numbers[0], sizeof numbers[0], "%zu", row);
  snprintf(numbers[1], sizeof numbers[1], "%zu", count);
  char *arguments[] = {self, "--measure-size", numbers[0], numbers[1], NULL};
  return run_program(arguments, false);
}

// Linear, apart from caches: an element of a million may take at most `most` times as long as an element of ten
// thousand.
static bool show_sizes(int repetitions) {
  static const size_t counts[] = {1000, 10000, 100000, 1000000};
  static const double most = 5;
  bool good = true;
  printf("\n%-44s %9s %9s %9s %9s\n", "nanoseconds for one of", "1,000", "10,000", "100,000", "1,000,000");
  for (size_t row = 0; size_name(row) != NULL; row++) {
    double least[4];
    printf("%-44s", size_name(row));
    for (int size = 0; size < 4; size++) {
      least[size] = HUGE_VAL;
      for (int i = 0; i < repetitions; i++) {
        double one = run_size(row, counts[size]);
        if (one < least[size]) least[size] = one;
      }
      printf(" %9.1f", least[size]);
      fflush(stdout);
    }
    bool linear = least[3] >= 0 && least[3] <= most * (least[1] > 1 ? least[1] : 1);
    printf("  %s\n", linear ? "ok" : "OVER");
    good = good && linear;
  }
  return good;
}

int main(int count, char **arguments) {
  if (count == 4 && strcmp(arguments[1], "--measure-size") == 0)
    return measure_size((size_t)atol(arguments[2]), (size_t)atol(arguments[3])), 0;
  if (count == 3 && strcmp(arguments[1], "--measure") == 0) return measure(arguments[2]) ? 0 : 2;

  bool check = false, good = true;
  int repetitions = 9;
  const char *only = "";
  for (int i = 1; i < count; i++) {
    if (strcmp(arguments[i], "--check") == 0)
      check = true;
    else if (strcmp(arguments[i], "--repetitions") == 0 && i + 1 < count)
      repetitions = atoi(arguments[++i]);
    else if (strcmp(arguments[i], "--only") == 0 && i + 1 < count)
      only = arguments[++i];
    else
      return fprintf(stderr, "usage: bench [--check] [--repetitions N] [--only WORD]\n"), 2;
  }
  if (repetitions < 1) repetitions = 1;

  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length <= 0) return perror("bench: /proc/self/exe"), 2;

  printf("%-56s %12s %12s %8s %8s\n", "", "ours", "reference", "ratio", "limit");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (strstr(rows[i].name, only) != NULL) good = show(&rows[i], repetitions) && good;
  }
  if (*only == 0 || strcmp(only, "sizes") == 0) good = show_sizes(repetitions < 3 ? repetitions : 3) && good;
  return check && !good;
}
