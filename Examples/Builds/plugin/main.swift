// SPDX-License-Identifier: Apache-2.0
// A program and a plugin, each with ExitKit and the C library linked into it. They still have one stack and one order.

import ExitKit
import Glibc

final class Session: Sendable {}

let session = Session()
atExit { print("program: first") }
finalize(session) { print("program: finalizer") }

let path = CommandLine.arguments[0].split(separator: "/").dropLast().joined(separator: "/")
let plugin = dlopen("/\(path)/libvisitor.so", RTLD_NOW | RTLD_LOCAL)
let visit = unsafeBitCast(dlsym(plugin, "visit"), to: (@convention(c) () -> CInt).self)

print("pending: \(visit()), \(ExitStack.process.count)")
atExit { print("program: last") }
