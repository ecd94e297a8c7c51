// SPDX-License-Identifier: Apache-2.0

import ProcessSupport

/// What the compiler says to a `main.swift` of these lines, in Swift 6 mode, with every warning an error.
func diagnose(_ name: String, _ source: String) throws -> Outcome {
  let file = "\(try emptyFolder("diagnose-\(name)"))/main.swift"
  try write(source, to: file)
  return try run(
    "swiftc",
    [
      "-emit-sil", "-o", "/dev/null", "-swift-version", "6", "-warnings-as-errors", "-diagnostic-style", "llvm",
      "-I", "\(builtPrograms)/Modules", "-Xcc",
      "-fmodule-map-file=\(packageRoot)/Sources/CExitShim/include/module.modulemap",
      file,
    ])
}
