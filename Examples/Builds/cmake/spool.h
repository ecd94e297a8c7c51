// SPDX-License-Identifier: Apache-2.0
int spool_open(void); // 0, or an errno value
