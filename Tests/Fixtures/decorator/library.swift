// SPDX-License-Identifier: Apache-2.0

import ExitKit

@AtExit func older() { print("library, older") }
@AtExit func newer() { print("library, newer") }

public func use() {}
