// SPDX-License-Identifier: Apache-2.0

#if AtExitMacro
  import SwiftCompilerPlugin
  import SwiftSyntaxMacros

  @main struct Plugin: CompilerPlugin {
    let providingMacros: [any Macro.Type] = [AtExitMacro.self]
  }
#else
  // Without the trait there is nothing to offer, and nobody to ask for it.
  @main struct Plugin {
    static func main() {}
  }
#endif
