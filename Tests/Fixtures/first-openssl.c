// SPDX-License-Identifier: Apache-2.0
// A handler that uses OpenSSL, which registers its own clean-up with libc when it is first used: after the handler.

#include "fixture.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>

static bool digest(void) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  bool done = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) && EVP_DigestUpdate(context, "x", 1) &&
              EVP_DigestFinal_ex(context, bytes, &length);
  EVP_MD_CTX_free(context);
  return done && length == 32;
}

static void use(void) {
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  say("digest %s, context %s\n", digest() ? "made" : "failed", context != NULL ? "made" : "failed");
  SSL_CTX_free(context);
}

static int use_in_handler(int count, char **arguments) { // <return|exit|door>
  CHECK(count == 1);
  CHECK(cexit_atexit(use) == 0);
  CHECK(digest()); // the first use
  if (strcmp(arguments[0], "exit") == 0) exit(3);
  if (strcmp(arguments[0], "door") == 0) cexit_exit(3);
  return 3;
}

FIXTURE({"use", use_in_handler})
