// SPDX-License-Identifier: Apache-2.0
//
// Other code that takes a signal which was chosen to become an exit: older signal handlers, and later ones.

#include "events.h"

static bool is_handler(const struct sigaction *action) { // not the default, and not ignored
  return !cexit__is_plain(action, SIG_DFL) && !cexit__is_plain(action, SIG_IGN);
}

bool cexit__signal_left_to_reader(const struct sigaction *former, int number, siginfo_t *info, void *machine) {
  if (!is_handler(former) || !cexit__signal_has_reader(number)) return false;
  if ((former->sa_flags & SA_SIGINFO) != 0)
    former->sa_sigaction(number, info, machine);
  else
    former->sa_handler(number);
  return true;
}

// Nothing is said of a signal that is ignored, nor of the handler that each DispatchSource leaves behind.
void cexit__signal_taken_back(int number, const struct sigaction *from) {
  struct note note;
  bool with_information = (from->sa_flags & SA_SIGINFO) != 0;
  if (!is_handler(from)) return;
  cexit__note_begin(&note);
  cexit__note_signal(&note, number);
  cexit__note(&note, " was to be an exit, and has another handler now:");
  cexit__note_subject(&note, NULL, with_information ? (void *)from->sa_sigaction : (void *)from->sa_handler, NULL, 0);
  cexit__note(&note, "; from here on it ends a clean-up that hangs");
  if (strstr(note.text, "!_dispatch_") == NULL) cexit__note_write(&note);
}
