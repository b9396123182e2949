/* What the test programs and their start-up know of each other.
 * SPDX-License-Identifier: Apache-2.0
 */
void print(const char *text);
void finish(int code);
int run(void);
