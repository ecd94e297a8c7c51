// SPDX-License-Identifier: Apache-2.0
//
// EXITKIT_TRACE=FILE: Chrome's trace-event format, an event a line, each written at once: a process that is killed leaves
// a readable file, without the last bracket, as the format allows. Only the end of a handler waits for the next event,
// which follows in the same run; so a handler is one system call.
//
// The program may close descriptors that it did not open, and open others in their place: so the file is known by its
// device and inode, and opened anew where the descriptor leads elsewhere.

#include "trace.h"

#include "../platform/symbol.h"

#include <stdarg.h>
#include <sys/stat.h>

enum { CHECKED_FOR = 10000000, HIGH = 200 }; // nanoseconds; the least number of the descriptor

static int file = -1;
static bool begun, is_shared; // in this process
static bool is_regular;       // else a pipe, perhaps, whose reader may be gone
static uint64_t checked;      // when the descriptor was looked at last
static dev_t device;
static ino_t inode;
static struct {
  size_t length;
  char text[4096];
} lines;

// ---- Text

static void put(const char *format, ...) { // see cexit__text
  va_list arguments;
  struct text text = {lines.text + lines.length, lines.text + sizeof lines.text - 1};
  va_start(arguments, format);
  cexit__text_of(&text, format, arguments);
  va_end(arguments);
  lines.length = (size_t)(text.at - lines.text);
}

static void put_place(const char *path, uint32_t line) {
  char place[256];
  if (path == NULL) return;
  cexit__text(&(struct text){place, place + sizeof place - 1}, "%240s:%u", path, (uint64_t)line);
  put(",\"place\":%q", place);
}

// ---- The file

static void flush(void) {
  if (!is_regular)
    cexit__write_to(file, lines.text, lines.length);
  else if (write(file, lines.text, lines.length) < 0)
    lines.length = 0; // such as on a full disk: the event is lost
  lines.length = 0;
}

static bool open_file(const struct told *told) {
  struct stat now;
  bool early = told->moment >= MOMENT_REGISTERED; // a program that starts may close all descriptors
  if (file >= 0 && !early && told->time - checked < CHECKED_FOR) return true;
  checked = told->time;
  if (file >= 0 && fstat(file, &now) == 0 && now.st_dev == device && now.st_ino == inode) return true;
  char path[4096];
  struct text text = {path, path + sizeof path - 1};
  for (const char *at = cexit__trace_wishes.path; *at != 0 && text.end - text.at > 22; at++) {
    if (at[0] == '%' && at[1] == 'p') {
      cexit__text(&text, "%u", (uint64_t)getpid());
      at++;
    } else {
      *text.at++ = *at;
    }
  }
  *text.at = 0;
  file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | (begun || is_shared ? 0 : O_TRUNC), 0666);
  int high = file >= 0 ? fcntl(file, F_DUPFD_CLOEXEC, HIGH) : -1; // a program may count on the low numbers
  if (high >= 0) close(file);
  if (high >= 0) file = high;
  if (file < 0 || fstat(file, &now) != 0) {
    cexit__say("cannot write the trace to %s: error %u", path, (uint64_t)errno);
    cexit__trace_wishes.path = NULL;
    return false;
  }
  device = now.st_dev;
  inode = now.st_ino;
  is_regular = S_ISREG(now.st_mode);
  return true;
}

static uint64_t process(void) { // asked for once
  static pid_t number;
  if (!begun) number = getpid();
  return (uint64_t)number;
}

static void put_head(const char *name, const char *category, const char *phase, const struct told *told) {
  put("{\"name\":%q,\"cat\":\"%s\",\"ph\":\"%s\",\"ts\":%t,\"pid\":%u,\"tid\":%u", name, category, phase, told->time,
      process(), (uint64_t)told->thread);
}

static void begin(const struct told *told) {
  struct stat now;
  if (begun) return;
  if (fstat(file, &now) == 0 && now.st_size == 0) put("[\n");
  put("{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":%u,\"tid\":%u,\"args\":{\"name\":%q}},\n", process(),
      (uint64_t)told->thread, cexit__program_name());
  put("{\"name\":\"exitkit_trace\",\"ph\":\"M\",\"pid\":%u,\"tid\":%u,\"args\":{\"version\":1}},\n", process(),
      (uint64_t)told->thread);
  begun = true;
}

void cexit__trace_file_drop(void) {
  lines.length = 0;
}

void cexit__trace_file_forked(void) {
  bool of_its_own = strstr(cexit__trace_wishes.path != NULL ? cexit__trace_wishes.path : "", "%p") != NULL;
  if (of_its_own && file >= 0) close(file);
  if (of_its_own) file = -1;
  is_shared = !of_its_own; // with the parent: nothing is cut off
  begun = false;
  lines.length = 0;
}

// ---- Events

static void put_status(void) {
  int status;
  if (cexit__exit_status(&status)) put(",\"status\":%u", (uint64_t)(status & 255));
}

static void put_exit(const char *door) {
  char symbol[256];
  const char *caller = cexit__thread.exit_caller;
  pid_t sender = 0;
  int number = cexit__exit_signal(&sender);
  uint64_t deadline = cexit__deadline();
  put(",\"args\":{\"door\":\"%s\"", number != 0 ? "signal" : door);
  put_status();
  if (caller != NULL) {
    cexit__symbol(caller - 1, symbol, sizeof symbol); // in the call
    put(",\"caller\":%q", symbol);
  }
  if (number != 0) put(",\"signal\":%u,\"sender\":%u", (uint64_t)number, (uint64_t)sender);
  if (deadline != 0) put(",\"deadline\":%t", deadline / 1000000);
  put("}");
}

static void put_handler(const struct told *told) {
  static const char *const phases[] = {"normal", "early", "late"};
  const struct entry *entry = told->entry;
  put(",\"args\":{\"entry\":%u,\"phase\":\"%s\"", (uint64_t)told->index,
      phases[entry->phase == ASLEEP ? entry->asleep_from : entry->phase]);
  if (told->moment == MOMENT_HANDLER_BEGINS)
    put(",\"depth\":%u", (uint64_t)told->depth);
  else
    put(",\"handler\":%q", told->text);
  put_place(entry->file, entry->line);
  if (told->moment != MOMENT_CANCELLED)
    put(",\"stack\":%q,\"number\":%u,\"kind\":\"%s\"", told->stack != NULL ? told->stack : "process",
        (uint64_t)told->number, entry->kind == KIND_NESTED ? "stack" : "handler");
  put("}");
}

void cexit__trace_file_tell(const struct told *told) {
  static const char *const outcomes[] = {[OK] = "ok", [FAILED] = "failed", [GONE] = "gone"};
  if (!open_file(told)) return;
  begin(told);
  switch (told->moment) {
  case MOMENT_EXIT_BEGINS:
    put_head("exit", "exit", "i\",\"s\":\"p", told);
    put_exit(told->text);
    break;
  case MOMENT_HANDLER_BEGINS:
    put_head(told->text, "handler", "B", told);
    put_handler(told);
    break;
  case MOMENT_HANDLER_ENDS:
    put_head(told->text, "handler", "E", told);
    put(",\"args\":{\"outcome\":\"%s\"}},\n", outcomes[told->outcome]);
    if (!told->goes_on || lines.length > sizeof lines.text / 2) flush();
    return;
  case MOMENT_HANDLER_FAILS:
    put_head("failure", "failure", "i\",\"s\":\"t", told);
    put(",\"args\":{\"handler\":%q,\"error\":%q}", told->handler, told->text);
    break;
  case MOMENT_REGISTERED:
  case MOMENT_CANCELLED:
    put_head(told->moment == MOMENT_REGISTERED ? "registered" : "cancelled", "registration", "i\",\"s\":\"t", told);
    put_handler(told);
    break;
  case MOMENT_FOREIGN_BEGINS:
  case MOMENT_FOREIGN_ENDS:
    put_head(told->text, "foreign", told->moment == MOMENT_FOREIGN_BEGINS ? "B" : "E", told);
    break;
  default:
    put_head(told->text, "wait", told->moment == MOMENT_WAIT_BEGINS ? "B" : "E", told);
    break;
  }
  put("},\n");
  flush();
}

void cexit__trace_file_not_run(const struct told *told, const cexit_pending *seen, const char *why) {
  if (!open_file(told)) return;
  begin(told);
  put_head("not run", "left", "i\",\"s\":\"t", told);
  put(",\"args\":{\"why\":\"%s\",\"handler\":%q,\"number\":%u", why, seen->name, (uint64_t)seen->number);
  put_place(seen->file, seen->line);
  put("}},\n");
  flush();
}

void cexit__trace_file_end(const struct told *told, size_t ran, size_t failed) {
  if (!open_file(told)) return;
  begin(told);
  put_head("end", "exit", "i\",\"s\":\"p", told);
  put(",\"args\":{\"ran\":%u,\"failed\":%u", (uint64_t)ran, (uint64_t)failed);
  put_status();
  put("}},\n");
  flush();
}
