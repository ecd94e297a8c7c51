// SPDX-License-Identifier: Apache-2.0

/// Libraries that register their clean-up with libc at first use, and where libraries are.
enum Libraries {
  /// Libraries whose clean-up runs before older handlers of the program, since libc runs the newest handler first.
  ///
  /// RealLibraries.md has the libraries that were seen to do so, and the ones that were seen not to.
  struct Late {
    /// The beginnings of file names, with the names that people know.
    let files: [(beginning: String, name: String)]
    let habit: String
  }

  static let late = [
    Late(
      files: [
        ("libcrypto.so", "OpenSSL"), ("libssl.so", "OpenSSL"), ("libcurl.so", "libcurl"), ("libpython3", "Python"),
      ], habit: "OpenSSL registers its clean-up at first use")
  ]

  static let folders =
    (getenv("LD_LIBRARY_PATH").map { String(cString: $0).split(separator: ":").map(String.init) } ?? []) + [
      "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
      "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib",
    ]
}
