// SPDX-License-Identifier: Apache-2.0
//
// Failures that handlers report: to the observer of the run, else to the program's reporter, else on stderr.

#include "watch.h"

static _Atomic int failure_status;       // of an exit, in place of 0; 0: a failure leaves the status alone
static _Atomic(cexit_reporter) reporter; // NULL: a line on stderr

static void write_failure(const struct entry *entry, const char *message) {
  struct note note;
  cexit__note_begin(&note);
  cexit__note(&note, "error in ");
  cexit__note_handler(&note, entry);
  cexit__note(&note, ": %s", message);
  cexit__note_write(&note);
}

int cexit__fail(const char *message) {
  cexit_record record;
  if (message == NULL || !cexit__current(&record)) return EINVAL;
  record.failure = message;
  const struct frame *here = cexit__thread.running;
  int status = atomic_load(&failure_status);
  trace(MOMENT_HANDLER_FAILS, message);
  if (status != 0 && cexit__is_exiting()) cexit__request_status(status);
  if (here->observer != NULL)
    here->observer(here->observer_context, &record);
  else if (!cexit__report_failure(&record))
    write_failure(here->entry, message);
  return 0;
}

bool cexit__report_failure(const cexit_record *failure) {
  cexit_reporter report = atomic_load(&reporter);
  if (report != NULL) report(failure);
  return report != NULL;
}

void cexit__on_failure(cexit_reporter report) {
  atomic_store(&reporter, report);
}

void cexit__set_failure_status(int status) {
  atomic_store(&failure_status, status);
}

int cexit__failure_status(void) {
  return atomic_load(&failure_status);
}

void cexit__trace_failure(const char *error) {
  struct frame *here = cexit__thread.running;
  static char failed[] = "failed"; // for the probe, which may be read when the text of the error is gone
  if (here != NULL && here->observer == NULL) here->outcome = failed; // an observer has its own
  trace(MOMENT_HANDLER_FAILS, error);
}
