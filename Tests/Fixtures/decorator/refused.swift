// SPDX-License-Identifier: Apache-2.0

import ExitKit

@AtExit func save(to path: String) {}

struct Log {
  @AtExit func close() {}
  @AtExit init() {}
}
