// SPDX-License-Identifier: Apache-2.0
import Glibc

func report() -> Int32 { 0 }
