// SPDX-License-Identifier: Apache-2.0

/// Libraries that tear themselves down in libc's exit, and where libraries are.
enum Libraries {
  struct Late {
    let name: String
    let files: [String]
    let habit: String
  }

  static let late = [
    Late(name: "OpenSSL", files: ["libcrypto.so", "libssl.so"], habit: "registers its clean-up at first use"),
    Late(name: "OpenMP", files: ["libgomp.so", "libomp.so"], habit: "ends its threads in a destructor"),
    Late(name: "CUDA", files: ["libcuda.so", "libcudart.so"], habit: "registers its clean-up at first use"),
    Late(name: "gRPC", files: ["libgrpc.so", "libgrpc++.so"], habit: "shuts down in destructors of static objects"),
    Late(name: "GLib", files: ["libglib-2.0.so"], habit: "has destructors of its own"),
    Late(name: "oneTBB", files: ["libtbb.so"], habit: "ends its threads in a destructor"),
  ]

  static let folders =
    (getenv("LD_LIBRARY_PATH").map { String(cString: $0).split(separator: ":").map(String.init) } ?? []) + [
      "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
      "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib",
    ]
}
