// SPDX-License-Identifier: Apache-2.0
//
// Signals that this process reads from a file (signalfd(2)), as the signal sources of libdispatch do. The kernel lists a
// file's signals in /proc/self/fdinfo, as the line "sigmask:" with 16 hexadecimal digits.

#include "platform.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool file_reads(int folder, const char *name, int number) {
  char text[512];
  int file = openat(folder, name, O_RDONLY | O_CLOEXEC);
  ssize_t length = file >= 0 ? read(file, text, sizeof text - 1) : -1;
  if (file >= 0) close(file);
  text[length > 0 ? length : 0] = 0;
  const char *line = strstr(text, "sigmask:");
  return line != NULL && (strtoull(line + strlen("sigmask:"), NULL, 16) >> (number - 1) & 1) != 0;
}

// The system call, because readdir allocates memory.
bool cexit__signal_has_reader(int number) {
  enum { LENGTH = 16, NAME = 19 }; // the places in a record of getdents64(2)
  int saved = errno;
  bool found = false;
  char records[2048];
  int folder = open("/proc/self/fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (long size; !found && folder >= 0 && (size = syscall(SYS_getdents64, folder, records, sizeof records)) > 0;) {
    uint16_t length;
    for (long at = 0; !found && at < size; at += length) {
      memcpy(&length, records + at + LENGTH, sizeof length);
      found = file_reads(folder, records + at + NAME, number);
    }
  }
  if (folder >= 0) close(folder);
  errno = saved;
  return found;
}
