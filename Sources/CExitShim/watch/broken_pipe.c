// SPDX-License-Identifier: Apache-2.0
//
// SIGPIPE while the process exits: `tool | head -1`, and a handler prints its report. By default the process would end
// there, and the handlers that are left would be lost. So for the run the signal is taken: the write fails with EPIPE, the
// handler is named, the rest runs, and at the very end the process dies of SIGPIPE, as without the library.
//
// A disposition of the program's stays as it is.

#include "watch.h"

static void taken(int number, siginfo_t *info, void *machine) {
  (void)info, (void)machine;
  static struct frame *_Atomic named;
  int saved = errno;
  uint64_t none = 0;
  struct frame *here = cexit__thread.running;
  atomic_compare_exchange_strong(&cexit__leaving.signal, &none, (uint64_t)number);
  if (here != NULL && atomic_exchange(&named, here) != here) {
    struct note note;
    cexit__note_begin(&note);
    cexit__note_handler(&note, here->entry);
    cexit__note(&note, " wrote to a pipe that nobody reads: the rest runs, then the process dies of SIGPIPE");
    cexit__note_write(&note);
  }
  errno = saved;
}

void cexit__broken_pipe_begin(void) {
  struct sigaction now;
  if (signal_now(SIGPIPE, &now) == 0 && cexit__is_plain(&now, SIG_DFL)) cexit__handle(SIGPIPE, taken, SA_RESTART);
}

void cexit__broken_pipe_end(void) {
  cexit__give_back(SIGPIPE, taken, &(struct sigaction){.sa_handler = SIG_DFL});
}
