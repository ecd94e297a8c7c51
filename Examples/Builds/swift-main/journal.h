// SPDX-License-Identifier: Apache-2.0
int journal_open(void); // 0, or an errno value
