// SPDX-License-Identifier: Apache-2.0
void register_c1(void);
void register_c2(void);
void register_c3(void);
