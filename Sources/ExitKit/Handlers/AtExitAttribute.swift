// SPDX-License-Identifier: Apache-2.0

#if AtExitMacro
  /// Registers a function, without a call, for the exit of the process.
  ///
  /// The function is registered when its executable or library is loaded: before `main`, and before all registrations
  /// by calls, so in its phase the function runs last. Otherwise the function is a handler as any other: the function
  /// may throw, be asynchronous, belong to an actor, take an ``ExitContext``. When its library is unloaded, the
  /// function runs at that time. The functions of one file are registered in the order of their lines.
  ///
  /// For functions of a file and static functions of a type that is not generic; parameters need default values. Needs
  /// Swift 6.3, and the package trait `AtExitMacro`.
  ///
  /// - Parameters:
  ///   - name: A name for reports, and for ``ExitStack/cancel(named:)``. Unless given, the name of the function after
  ///     the names of the types around the function, such as `Log.flush`.
  ///   - phase: When the function runs among the handlers of the process.
  ///   - inForkedChildren: Whether a forked child runs the handler as well.
  @attached(peer)
  public macro AtExit(name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false) =
    #externalMacro(module: "ExitKitMacros", type: "AtExitMacro")
#else
  /// Needs the package trait `AtExitMacro`.
  @available(
    *, unavailable,
    message: "@AtExit needs the trait AtExitMacro: .package(url: …, traits: [\"AtExitMacro\"]) in Package.swift"
  )
  @attached(peer)
  public macro AtExit(name: String? = nil, phase: ExitPhase = .normal, inForkedChildren: Bool = false) =
    #externalMacro(module: "SwiftMacros", type: "TaskLocalMacro")  // the compiler looks for one, and asks it nothing
#endif
