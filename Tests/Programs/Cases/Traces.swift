// SPDX-License-Identifier: Apache-2.0
// What a program knows of its own trace.

import ExitKit
import Glibc
import Ways

let traceCases: [String: Case] = [
  "trace": {
    say(ExitTrace.process?.path ?? "none")
    ExitStack.process.register(name: "older") {}
    ExitStack.process.register(name: "newer") {
      let text = ExitTrace.process?.text
      let begun = ["newer", "older"].map { text?.contains(#"{"name":"\#($0)","cat":"handler""#) == true }
      say(text == nil ? "none" : begun == [true, false] ? "newer begins, older not" : "\(begun)")
    }
    exit(0)
  }
]
