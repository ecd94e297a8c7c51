// SPDX-License-Identifier: Apache-2.0
//
// EXITKIT_TRACE=FILE: Chrome's trace-event format, an event a line, each written at once: a process that is killed leaves
// a readable file, without the last bracket, as the format allows. Only the end of a handler waits for the next event,
// which follows in the same run; so a handler is one system call.
//
// The program may close descriptors that it did not open, and open others in their place: so the file is known by its
// device and inode, and opened anew where the descriptor leads elsewhere.

#include "trace.h"

#include <stdarg.h>
#include <sys/stat.h>

enum { CHECKED_FOR = 10000000 }; // nanoseconds

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

static void put_bytes(const char *bytes, size_t length) {
  if (length > sizeof lines.text - lines.length) return;
  memcpy(lines.text + lines.length, bytes, length);
  lines.length += length;
}

static void put_number(uint64_t number, int digits) {
  char reversed[24], *end = reversed + sizeof reversed, *at = end;
  for (; number != 0 || digits > 0; number /= 10, digits--) *--at = (char)('0' + number % 10);
  put_bytes(at, (size_t)(end - at));
}

// At most 255 bytes, in quotes. What is no text becomes a question mark.
static void put_string(const char *text) {
  put_bytes("\"", 1);
  for (size_t length, i = 0; text != NULL && text[i] != 0 && i < 255; i += length != 0 ? length : 1) {
    length = cexit__character(text + i);
    if (text[i] == '"' || text[i] == '\\') put_bytes("\\", 1);
    put_bytes(length == 0 ? "?" : text + i, length == 0 ? 1 : length);
  }
  put_bytes("\"", 1);
}

// %s text, %q text as a string of JSON, %u a number, %t nanoseconds as a number of microseconds. Numbers are uint64_t.
static void put(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  for (const char *percent; (percent = strchr(format, '%')) != NULL; format = percent + 2) {
    put_bytes(format, (size_t)(percent - format));
    if (percent[1] == 's') {
      const char *text = va_arg(arguments, const char *);
      put_bytes(text, strlen(text));
    } else if (percent[1] == 'q') {
      put_string(va_arg(arguments, const char *));
    } else {
      uint64_t number = va_arg(arguments, uint64_t);
      put_number(percent[1] == 't' ? number / 1000 : number, 1);
      if (percent[1] == 't') put_bytes(".", 1);
      if (percent[1] == 't') put_number(number % 1000, 3);
    }
  }
  put_bytes(format, strlen(format));
  va_end(arguments);
}

static void put_place(const char *path, uint32_t line) {
  char place[256];
  if (path == NULL) return;
  snprintf(place, sizeof place, "%.240s:%u", path, (unsigned)line);
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
  if (file >= 0 && told->time - checked < CHECKED_FOR) return true;
  checked = told->time;
  if (file >= 0 && fstat(file, &now) == 0 && now.st_dev == device && now.st_ino == inode) return true;
  char path[4096];
  size_t length = 0;
  for (const char *at = cexit__trace_wishes.path; *at != 0 && length < sizeof path - 24; at++) {
    if (at[0] == '%' && at[1] == 'p') {
      length += (size_t)snprintf(path + length, 24, "%d", (int)getpid());
      at++;
    } else {
      path[length++] = *at;
    }
  }
  path[length] = 0;
  file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | (begun || is_shared ? 0 : O_TRUNC), 0666);
  if (file < 0 || fstat(file, &now) != 0) {
    struct note note = {0};
    cexit__note_text(&note, "ExitKit: cannot write the trace to ");
    cexit__note_text(&note, path);
    cexit__note_text(&note, ": error ");
    cexit__note_number(&note, (uint64_t)errno, 1);
    cexit__note_write(&note);
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
      (uint64_t)told->thread, program_invocation_short_name);
  put("{\"name\":\"exitkit_trace\",\"ph\":\"M\",\"pid\":%u,\"tid\":%u,\"args\":{\"version\":1}},\n", process(),
      (uint64_t)told->thread);
  begun = true;
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
  pid_t sender = 0;
  int number = cexit__exit_signal(&sender);
  uint64_t deadline = cexit__deadline();
  put(",\"args\":{\"door\":\"%s\"", number != 0 ? "signal" : door);
  put_status();
  if (number != 0) put(",\"signal\":%u,\"sender\":%u", (uint64_t)number, (uint64_t)sender);
  if (deadline != 0) put(",\"deadline\":%t", deadline / 1000000);
  put("}");
}

static void put_handler(const struct told *told) {
  static const char *const phases[] = {"normal", "early", "late"};
  const struct entry *entry = told->entry;
  put(",\"args\":{\"phase\":\"%s\"", phases[entry->phase == ASLEEP ? entry->asleep_from : entry->phase]);
  put_place(entry->file, entry->line);
  put(",\"stack\":%q,\"depth\":%u,\"number\":%u,\"kind\":\"%s\"}", told->stack != NULL ? told->stack : "process",
      (uint64_t)told->depth, (uint64_t)told->number, entry->kind == KIND_NESTED ? "stack" : "handler");
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
