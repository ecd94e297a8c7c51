// SPDX-License-Identifier: Apache-2.0
//
// Probes for perf and bpftrace: a no-operation in the code, and a note that says where a reader finds the arguments. The
// probes are there if <sys/sdt.h> was, when this code was compiled (Debian: systemtap-sdt-dev).
//
//   exitkit:begin   name, file, line              of the handler; name and file: an address of a text, or 0
//   exitkit:end     name, file, line, outcome     outcome: 0, or an address where the handler reported a failure

#ifndef CEXIT_PROBE_H
#define CEXIT_PROBE_H

#if defined(__has_include)
#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define PROBE_BEGIN(entry) DTRACE_PROBE3(exitkit, begin, (entry)->name, (entry)->file, (uint32_t)(entry)->line)
#define PROBE_END(entry, outcome)                                                                                      \
  DTRACE_PROBE4(exitkit, end, (entry)->name, (entry)->file, (uint32_t)(entry)->line, outcome)
#endif
#endif

#ifndef PROBE_BEGIN
#define PROBE_BEGIN(entry) ((void)0)
#define PROBE_END(entry, outcome) ((void)0)
#endif

#endif
