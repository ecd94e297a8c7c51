// SPDX-License-Identifier: Apache-2.0
//
// Whose exit it is, and with which status.

#include "exit.h"

struct process_exit cexit__leaving;

bool cexit__is_exiting(void) {
  return atomic_load(&cexit__leaving.owner) != 0 && is_here();
}

bool cexit__exit_status(int *status) {
  if (!atomic_load(&cexit__leaving.status_known) || !is_here()) return false;
  if (status != NULL) *status = atomic_load(&cexit__leaving.status);
  return true;
}

void cexit__set_status(int status) {
  atomic_store(&cexit__leaving.status, status);
  atomic_store(&cexit__leaving.status_known, true);
}

void cexit__request_status(int status) {
  atomic_store(&cexit__leaving.requested_status, status);
}
