// SPDX-License-Identifier: Apache-2.0
// A TLS server on the loopback device, in a child, with a key and a certificate of its own making.

#include "real-library.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <sys/socket.h>

static pid_t server;
static int port;
static int client_lives[2]; // a pipe; the client holds the other end

static SSL_CTX *server_context(void) {
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *certificate = X509_new();
  CHECK(context != NULL && key != NULL && certificate != NULL);
  X509_NAME *name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  CHECK(X509_set_issuer_name(certificate, name) && X509_set_pubkey(certificate, key));
  CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
  CHECK(SSL_CTX_use_certificate(context, certificate) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1);
  return context;
}

static void serve_connections(int listener, int count, void (*serve)(SSL *connection)) {
  SSL_CTX *context = server_context();
  for (int i = 0; i < count; i++) {
    struct pollfd ready[] = {{.fd = listener, .events = POLLIN}, {.fd = client_lives[0]}};
    if (poll(ready, 2, -1) < 1 || ready[0].revents == 0) return; // the client is gone
    int accepted = accept(listener, NULL, NULL);
    SSL *connection = SSL_new(context);
    CHECK(accepted >= 0 && SSL_set_fd(connection, accepted) == 1);
    if (SSL_accept(connection) == 1) serve(connection);
    SSL_free(connection);
    close(accepted);
  }
}

/// The server prints all that comes, serves `count` connections, and ends.
static void start_server(int count, void (*serve)(SSL *connection)) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(listener >= 0 && bind(listener, (struct sockaddr *)&address, length) == 0 && listen(listener, count) == 0);
  CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
  port = ntohs(address.sin_port);
  CHECK(pipe(client_lives) == 0);
  server = fork();
  if (server == 0) {
    close(client_lives[1]);
    alarm(50);
    signal(SIGPIPE, SIG_IGN); // a client may be gone
    serve_connections(listener, count, serve);
    _exit(0);
  }
  close(listener);
}

/// Everything that the server says is said when this returns.
static void await_server(void) {
  int status;
  CHECK(waitpid(server, &status, 0) == server && status == 0);
}
