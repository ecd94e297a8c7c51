// SPDX-License-Identifier: Apache-2.0
// The part of the program that is in C: opens the database, and registers its closing first of all, so that
// the closing comes last.

#include "database.h"
#include <CExitShim.h>

static void close_database(void *database) {
  int error = sqlite3_close(database);
  printf("C: closed, %s\n", sqlite3_errstr(error));
}

sqlite3 *database_open(const char *path) {
  sqlite3 *database = NULL;
  if (sqlite3_open(path, &database) != SQLITE_OK ||
      cexit_register(NULL, &(cexit_entry){.function = close_database, .context = database, .name = "close"}, NULL) != 0) {
    sqlite3_close(database);
    return NULL;
  }
  return database;
}
