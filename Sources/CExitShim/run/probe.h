// SPDX-License-Identifier: Apache-2.0
//
// Probes for perf and bpftrace: a no-operation in the code, and a note that says where a reader finds the arguments. The
// probes are there if SystemTap's <sys/sdt.h> was, when this code was compiled (Debian: systemtap-sdt-dev). FreeBSD has
// another header of this name, whose probes need a tool when the program is linked.
//
//   exitkit:begin   name, file, word              of the handler; name and file: an address of a text, or 0
//   exitkit:end     name, file, word, outcome     outcome: 0, or an address where the handler reported a failure
//
// The line is in the word: (word >> 2) & 0x3ffff. So nothing is computed for a probe without a reader.

#ifndef CEXIT_PROBE_H
#define CEXIT_PROBE_H

#if defined(__has_include)
#if __has_include(<sys/sdt.h>)
#if defined(__clang__) && !defined(STAP_SDT_ARG_CONSTRAINT)
#define STAP_SDT_ARG_CONSTRAINT m // as each argument is a place in memory; clang would copy the arguments first
#endif
#include <sys/sdt.h>
#endif
#endif

#ifdef STAP_PROBE3
#define PROBE_BEGIN(entry) DTRACE_PROBE3(exitkit, begin, (entry)->name, (entry)->file, (entry)->half[1])
#define PROBE_END(entry, outcome) DTRACE_PROBE4(exitkit, end, (entry)->name, (entry)->file, (entry)->half[1], outcome)
#else
#define PROBE_BEGIN(entry) ((void)0)
#define PROBE_END(entry, outcome) ((void)0)
#endif

#endif
