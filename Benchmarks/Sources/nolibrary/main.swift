// SPDX-License-Identifier: Apache-2.0
//
// Does nothing, without the library: see `oneclosure`.
