// SPDX-License-Identifier: Apache-2.0
// Loads a plugin, lets the plugin register handlers, and closes the plugin. With "stay" the program exits with the plugin,
// and with "report" the program hears of failures in the plugin.
//
// The program prints by puts. A cast, as in print, would crash: the Swift runtime (6.3) keeps records of the types of a
// plugin after dlclose.

import ExitKit
import Glibc

let path = CommandLine.arguments[1]
guard let plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL) else { exit(99) }

atExit { puts("program") }
atExit {
  await Task.yield()
  puts("program, asynchronous")
}

if CommandLine.arguments.last == "stay" {
  ExitStack.process.statusOnFailure = 70
  ExitStack.process.mainActorGracePeriod = .seconds(7)
  let fail = unsafeBitCast(dlsym(plugin, "plugin_fail"), to: (@convention(c) () -> CInt).self)
  puts("grace period \(fail())")
} else if CommandLine.arguments.contains("report") {
  ExitStack.process.onFailure {
    let kind = $0.isFinalizer ? "finalizer" : "handler"
    puts("program: \(kind) \($0.name ?? "") (\($0.location?.fileID ?? "")): \($0.error)")
  }
  if CommandLine.arguments.last == "removed" { ExitStack.process.removeFailureReporter() }
  for name in ["plugin_fail_variously"] + (CommandLine.arguments.last == "both" ? ["plugin_reports"] : []) {
    unsafeBitCast(dlsym(plugin, name), to: (@convention(c) () -> Void).self)()
  }
  atExit(name: "program's own") { throw CancellationError() }
} else {
  unsafeBitCast(dlsym(plugin, "plugin_visit"), to: (@convention(c) () -> Void).self)()
  puts(dlclose(plugin) == 0 && dlopen(path, RTLD_NOW | RTLD_NOLOAD) == nil ? "closed" : "not closed")
  usleep(20_000)  // what is still running in the plugin crashes meanwhile
}
