// SPDX-License-Identifier: Apache-2.0
//
// Registers one closure and ends: `bench` compares it with `nolibrary`, which only ends.

import ExitKit

atExit {}
