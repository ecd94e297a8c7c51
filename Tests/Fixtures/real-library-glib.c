// SPDX-License-Identifier: Apache-2.0
// A pool of threads, a main loop, and data of each thread.

#include "real-library.h"

#include <glib.h>

static GThreadPool *pool;
static GMainLoop *loop;
static GPrivate of_thread = G_PRIVATE_INIT(g_free);
static gint done;

static gboolean stop(void *unused) {
  (void)unused;
  g_main_loop_quit(loop);
  return G_SOURCE_REMOVE;
}

static void work(void *job, void *unused) {
  (void)job, (void)unused;
  g_private_replace(&of_thread, g_strdup("a worker's"));
  if (g_atomic_int_add(&done, 1) % 8 == 7) g_idle_add(stop, NULL);
}

static void run_jobs(void) {
  for (int i = 0; i < 8; i++) CHECK(g_thread_pool_push(pool, loop, NULL));
  g_main_loop_run(loop); // to the last of these
}

static void begin(void) {
  g_private_replace(&of_thread, g_strdup("the main thread's"));
  pool = g_thread_pool_new(work, NULL, 2, FALSE, NULL);
  loop = g_main_loop_new(NULL, FALSE);
  run_jobs();
}

static void use(void) {
  run_jobs();
  g_thread_pool_free(pool, FALSE, TRUE);
  char *text = g_strdup_printf("%d jobs done", g_atomic_int_get(&done));
  say("handler: %s\n", text);
  g_free(text);
}
