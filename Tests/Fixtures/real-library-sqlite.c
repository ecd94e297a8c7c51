// SPDX-License-Identifier: Apache-2.0
// A database with a transaction that stays open to the end: the handler commits, closes, and looks.

#include "real-library.h"

#include <sqlite3.h>

static char path[64];
static sqlite3 *database;

static int say_count(void *unused, int columns, char **values, char **names) {
  (void)unused, (void)columns, (void)names;
  say("rows: %s\n", values[0]);
  return 0;
}

static void begin(void) {
  snprintf(path, sizeof path, "/tmp/exitkit-sqlite-%d", (int)getpid());
  CHECK(sqlite3_open(path, &database) == SQLITE_OK);
  CHECK(sqlite3_exec(database, "PRAGMA journal_mode=WAL; CREATE TABLE t(x); BEGIN; INSERT INTO t VALUES(1)", NULL, NULL,
                     NULL) == SQLITE_OK);
}

static void use(void) {
  bool committed = sqlite3_exec(database, "INSERT INTO t VALUES(2); COMMIT", NULL, NULL, NULL) == SQLITE_OK;
  bool closed = sqlite3_close(database) == SQLITE_OK;
  say("handler: %s, %s\n", committed ? "committed" : "failed", closed ? "closed" : "busy");
  CHECK(sqlite3_open(path, &database) == SQLITE_OK);
  CHECK(sqlite3_exec(database, "SELECT count(*) FROM t", say_count, NULL, NULL) == SQLITE_OK);
  sqlite3_close(database);
  unlink(path);
}
