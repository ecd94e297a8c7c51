// SPDX-License-Identifier: Apache-2.0
// A request over TLS: the handler ends a session at a server.

#include "real-library-tls.h"

#include <curl/curl.h>

static void serve(SSL *client) {
  char text[1024];
  int length = SSL_read(client, text, sizeof text - 1);
  text[length > 0 ? length : 0] = 0;
  say("server heard: %.*s\n", (int)strcspn(text, "\r\n"), text);
  static const char answer[] = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
  SSL_write(client, answer, sizeof answer - 1);
  SSL_shutdown(client);
}

static CURLcode request(const char *method, const char *path) {
  char address[64];
  snprintf(address, sizeof address, "https://127.0.0.1:%d%s", port, path);
  CURL *handle = curl_easy_init();
  CHECK(handle != NULL);
  curl_easy_setopt(handle, CURLOPT_URL, address);
  curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, method);
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 0L);
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT, 40L);
  CURLcode result = curl_easy_perform(handle);
  curl_easy_cleanup(handle);
  return result;
}

static void begin(void) {
  start_server(2, serve);
  CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
  CHECK(request("POST", "/session") == CURLE_OK);
}

static void use(void) {
  CURLcode result = request("DELETE", "/session");
  if (result == CURLE_OK) await_server();
  say("handler: %s\n", result == CURLE_OK ? "done" : curl_easy_strerror(result));
  curl_global_cleanup();
}
