// SPDX-License-Identifier: Apache-2.0
//
// Text for messages, paths and the trace. snprintf may allocate, and takes the lock of the locale in some libcs; a message
// is written in a signal handler, or while a thread that will not come back holds libc's locks.

#include "text.h"
#include "platform.h"

#include <string.h>

size_t cexit__character(const char *text) {
  unsigned char first = (unsigned char)text[0], second = first != 0 ? (unsigned char)text[1] : 0;
  if (first < 0x80) return first >= ' ' && first != 0x7F;
  size_t length = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  if (first == 0xC2 && second < 0xA0) return 0; // a control character, too
  for (size_t i = 1; i < length; i++) {
    if (((unsigned char)text[i] & 0xC0) != 0x80) return 0;
  }
  return length;
}

const char *cexit__text_copy(char *out, size_t size, const char *text) {
  size_t length = text != NULL ? strnlen(text, size - 1) : 0;
  bool is_cut = length == size - 1;
  while (is_cut && length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80) length--;
  if (length != 0) memcpy(out, text, length);
  out[length] = 0;
  return text != NULL ? out : NULL;
}

static void add(struct text *text, const char *bytes, size_t length) {
  size_t room = (size_t)(text->end - text->at);
  if (length > room) length = room;
  memcpy(text->at, bytes, length);
  text->at += length;
}

// Bytes that need no look at their neighbours; most text holds nothing else.
static bool is_plain(char byte, bool quoted) {
  return byte >= ' ' && byte < 0x7F && !(quoted && (byte == '"' || byte == '\\'));
}

static void add_clean(struct text *text, const char *more, size_t most, bool quoted) {
  for (size_t length = 0;; more += length, most -= length) {
    size_t plain = 0;
    while (plain < most && is_plain(more[plain], quoted)) plain++;
    add(text, more, plain);
    more += plain;
    most -= plain;
    if (most == 0 || *more == 0) return;
    length = cexit__character(more);
    if (length > most) return;
    if (length == 0) add(text, !quoted && (unsigned char)*more < ' ' ? " " : "?", 1);
    if (length == 1) add(text, "\\", 1); // a quotation mark, or a backslash
    add(text, more, length);
    if (length == 0) length = 1;
  }
}

static void add_number(struct text *text, uint64_t number, unsigned base, unsigned digits) {
  char reversed[64], *end = reversed + sizeof reversed, *at = end;
  do *--at = "0123456789abcdef"[number % base];
  while ((number /= base) != 0 || (size_t)(end - at) < digits);
  add(text, at, (size_t)(end - at));
}

void cexit__text_of(struct text *text, const char *format, va_list arguments) {
  for (const char *percent; (percent = strchr(format, '%')) != NULL;) {
    unsigned width = 0;
    add(text, format, (size_t)(percent - format));
    for (format = percent + 1; *format >= '0' && *format <= '9'; format++)
      width = 10 * width + (unsigned)(*format - '0');
    char kind = *format++;
    if (kind == 's' || kind == 'q') {
      bool quoted = kind == 'q';
      const char *argument = va_arg(arguments, const char *), *more = argument != NULL ? argument : "";
      if (quoted) add(text, "\"", 1);
      add_clean(text, more, quoted ? 255 : width != 0 ? width : SIZE_MAX, quoted);
      if (quoted) add(text, "\"", 1);
      continue;
    }
    uint64_t number = va_arg(arguments, uint64_t);
    if (kind == 'x') add(text, "0x", 2);
    if (kind == 't') {
      add_number(text, number / 1000, 10, 1);
      add(text, ".", 1);
      number %= 1000;
      width = 3;
    }
    add_number(text, number, kind == 'x' ? 16 : 10, width);
  }
  add(text, format, strlen(format));
  *text->at = 0;
}

void cexit__text(struct text *text, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  cexit__text_of(text, format, arguments);
  va_end(arguments);
}
