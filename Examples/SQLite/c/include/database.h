// SPDX-License-Identifier: Apache-2.0
#include <sqlite3.h>

/// Opens the database, closed at exit; NULL if it cannot be opened or its closing not be registered.
sqlite3 *database_open(const char *path);
