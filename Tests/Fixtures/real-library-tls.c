// SPDX-License-Identifier: Apache-2.0
// A TLS connection that stays open to the end: the handler sends the last words, and closes the connection as the
// protocol asks.

#include "real-library-tls.h"

static SSL *connection;

static void serve(SSL *client) {
  char text[64];
  int length;
  while ((length = SSL_read(client, text, sizeof text)) > 0) {
    say("server heard: %.*s\n", length, text);
    SSL_write(client, "yes", 3);
  }
  bool closed = SSL_get_error(client, length) == SSL_ERROR_ZERO_RETURN;
  say("server: %s\n", closed ? "the client closed the connection" : "the client is gone");
  if (closed) SSL_shutdown(client);
}

static bool send_words(const char *words) { // and waits until the server has heard
  char answer[3];
  int length = (int)strlen(words);
  return SSL_write(connection, words, length) == length && SSL_read(connection, answer, 3) == 3;
}

static void begin(void) {
  start_server(1, serve);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  address.sin_port = htons((uint16_t)port);
  int connected = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(connected >= 0 && connect(connected, (struct sockaddr *)&address, sizeof address) == 0);
  connection = SSL_new(SSL_CTX_new(TLS_client_method()));
  CHECK(connection != NULL && SSL_set_fd(connection, connected) == 1 && SSL_connect(connection) == 1);
  CHECK(send_words("hello"));
}

static void use(void) {
  bool sent = send_words("goodbye");
  if (SSL_shutdown(connection) == 0) {
    char unused[64];
    while (SSL_read(connection, unused, sizeof unused) > 0) continue; // bytes before the server's answer
  }
  await_server();
  say("handler: %s\n", sent ? "sent" : "failed");
}
