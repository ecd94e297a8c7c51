// SPDX-License-Identifier: Apache-2.0
//
// What EXITKIT_TRACE, EXITKIT_SLOW and EXITKIT_DUMP in the environment ask for. The library looks once, at the first use
// of the stack, before the process counts as known: so no registration is made untold. A program that runs with raised
// privileges does not look: whoever starts the program must not choose a file that the program writes.

#include "trace.h"

static uint64_t parse_duration(const char *text) { // "50ms", "2s", "0.5s", "800us"; 0: not understood
  char *unit;
  double number = strtod(text, &unit);
  double scale = strcmp(unit, "ms") == 0                           ? 1e6
                 : strcmp(unit, "us") == 0                         ? 1e3
                 : strcmp(unit, "s") == 0 || strcmp(unit, "") == 0 ? 1e9
                                                                   : 0;
  return number > 0 && number < 1e9 ? (uint64_t)(number * scale) : 0;
}

static void dump_on_signal(int number, siginfo_t *info, void *machine) {
  (void)number, (void)info, (void)machine;
  cexit__dump(STDERR_FILENO);
}

static void not_understood(const char *name, const char *text) {
  cexit__say("%s=%s is not understood", name, text);
}

// One pass: most programs are asked for nothing, and need not know whether they run with raised privileges.
static bool is_asked(void) {
  for (char **variable = environ; variable != NULL && *variable != NULL; variable++) {
    if (strncmp(*variable, "EXITKIT_", 8) == 0) return true;
  }
  return false;
}

void cexit__trace_look(void) {
  if (!is_asked()) return;
  struct trace_wishes *wishes = &cexit__trace_wishes;
  const char *trace = secure_getenv("EXITKIT_TRACE"), *limit = secure_getenv("EXITKIT_SLOW");
  if (trace != NULL && trace[0] == 0) trace = NULL;
  if (limit != NULL) wishes->slow = parse_duration(limit);
  wishes->table = trace != NULL && strcmp(trace, "1") == 0;
  wishes->path = wishes->table ? NULL : trace;
  cexit__process.told = wishes->path != NULL;
  if (trace != NULL || wishes->slow != 0) atomic_fetch_or(&cexit__observed, OBSERVED_FOR_TRACE);
}

void cexit__trace_set_up(void) {
  if (!is_asked()) return;
  const char *limit = secure_getenv("EXITKIT_SLOW"), *dump = secure_getenv("EXITKIT_DUMP");
  if (dump != NULL) {
    int number = cexit__signal_named(dump);
    if (number <= 0 || cexit__handle(number, dump_on_signal, SA_RESTART) != 0) not_understood("EXITKIT_DUMP", dump);
    atomic_fetch_or(&cexit__observed, OBSERVED_FOR_TIME); // so that frames may be read
  }
  if (limit != NULL && cexit__trace_wishes.slow == 0) not_understood("EXITKIT_SLOW", limit);
  if (cexit__trace_wishes.table) cexit__live_line_set_up();
}
