// SPDX-License-Identifier: Apache-2.0
// The attributes are in another file.

print("main")
