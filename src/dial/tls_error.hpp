// What is wrong with a certificate or a handshake, in words.
#pragma once

#include <string>
#include <string_view>

struct x509_store_ctx_st;

namespace clasp::dial {

// Of the certificate the check has just failed at. `expected`: the name it should be for.
std::string describe_certificate_error(x509_store_ctx_st* check, std::string_view expected);

// The last entry of OpenSSL's queue, which is emptied.
std::string take_openssl_error();

}  // namespace clasp::dial
