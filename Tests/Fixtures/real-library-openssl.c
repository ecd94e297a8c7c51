// SPDX-License-Identifier: Apache-2.0
// A digest. OpenSSL registers its own clean-up with libc when it is first used.

#include "real-library.h"

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

static void begin(void) {
  CHECK(digest());
}

static void use(void) {
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  say("digest %s, context %s\n", digest() ? "made" : "failed", context != NULL ? "made" : "failed");
  SSL_CTX_free(context);
}
