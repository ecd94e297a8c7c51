// SPDX-License-Identifier: Apache-2.0
// Code at the top level: its globals are the main actor's.

import ExitKit
import Ways

var lines = 0

atExit {
  lines += 1
  say("global \(lines)")
}
registerEveryKind()
lines = 6
leave(Way.given())
