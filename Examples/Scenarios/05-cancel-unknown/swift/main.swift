// SPDX-License-Identifier: Apache-2.0
// Cancelling what was never registered is not an error.

import ExitKit

ExitStack.process.cancel(named: "never_registered")
