// SPDX-License-Identifier: Apache-2.0

#ifndef CEXIT_TEXT_H
#define CEXIT_TEXT_H

#include <stdarg.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)

struct text { // `at` moves on; `end`: the last byte, which is left for the 0
  char *at, *end;
};

/// Adds to a text, which always ends with a 0; what does not fit is cut off. Async-signal-safe, without memory. A number is
/// a uint64_t. The format holds nothing else with a percent sign:
///
///   %s  %120s  a text, and at most so many bytes of a text: whole characters, and no control character
///   %q         a text of at most 255 bytes as a string of JSON
///   %u  %2u    a number, and with at least so many digits
///   %t         a number of thousandths: 1.234
///   %x         a number in hexadecimal, with 0x
void cexit__text(struct text *text, const char *format, ...);
void cexit__text_of(struct text *text, const char *format, va_list arguments);

/// Copies as many whole characters as `out` has room for, and a 0. Returns `out`, or NULL where the text is NULL.
const char *cexit__text_copy(char *out, size_t size, const char *text);

/// The length of the UTF-8 character that the text begins with; 0: no such, or a control character.
size_t cexit__character(const char *text);

#pragma GCC visibility pop
#endif
