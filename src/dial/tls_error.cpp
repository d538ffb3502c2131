#include "dial/tls_error.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>
#include <vector>

#include "core/address.hpp"
#include "core/bytes.hpp"

namespace clasp::dial {
namespace {

constexpr std::size_t names_shown_max = 4;

std::string to_date(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return "an unreadable date";
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02} UTC", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min);
}

std::string common_name(const X509_NAME* name) {
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return {};
  const ASN1_STRING* text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
  return printable({reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)), static_cast<std::size_t>(ASN1_STRING_length(text))});
}

std::string to_ip(const ASN1_OCTET_STRING* bytes) {
  char* text = nullptr;
  if (const int n = ASN1_STRING_length(bytes); n == 4) {
    const unsigned char* at = ASN1_STRING_get0_data(bytes);
    return fmt::format("{}.{}.{}.{}", at[0], at[1], at[2], at[3]);
  }
  text = i2s_ASN1_OCTET_STRING(nullptr, bytes);
  const std::string shown = text != nullptr ? text : "";
  OPENSSL_free(text);
  return shown;
}

// The names a certificate is for: its alternative names, else its common name.
std::string names_of(X509* certificate) {
  std::string names;
  std::size_t shown = 0;
  auto* all = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all, i);
    std::string text;
    if (name->type == GEN_DNS) {
      text = printable(
          {reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)), static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))});
    } else if (name->type == GEN_IPADD) {
      text = to_ip(name->d.iPAddress);
    }
    if (text.empty()) continue;
    if (++shown > names_shown_max) {
      names += " …";
      break;
    }
    names += (names.empty() ? "" : ", ") + text;
  }
  GENERAL_NAMES_free(all);
  return names.empty() ? common_name(X509_get_subject_name(certificate)) : names;
}

}  // namespace

std::string describe_certificate_error(X509_STORE_CTX* check, std::string_view expected) {
  X509* certificate = X509_STORE_CTX_get_current_cert(check);
  const int error = X509_STORE_CTX_get_error(check);
  if (certificate == nullptr) return X509_verify_cert_error_string(error);
  const bool of_server = X509_STORE_CTX_get_error_depth(check) == 0;
  const std::string which =
      of_server ? "its certificate" : fmt::format("the certificate of its authority \"{}\"", common_name(X509_get_subject_name(certificate)));
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return fmt::format("{} expired on {}", which, to_date(X509_get0_notAfter(certificate)));
    case X509_V_ERR_CERT_NOT_YET_VALID: return fmt::format("{} is not valid before {}", which, to_date(X509_get0_notBefore(certificate)));
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return fmt::format("its certificate comes from an unknown issuer, \"{}\"", common_name(X509_get_issuer_name(certificate)));
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return fmt::format("its certificate is for {}, not for {}", names_of(certificate), expected);
    default: return fmt::format("{}: {}", which, X509_verify_cert_error_string(error));
  }
}

std::string take_openssl_error() {
  const unsigned long last = ERR_peek_last_error();
  ERR_clear_error();
  if (last == 0) return "no reason given";
  const int reason = ERR_GET_REASON(last);
  if (ERR_GET_LIB(last) == ERR_LIB_SSL && (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST))
    return "what answers there does not speak TLS";
  const char* text = ERR_reason_error_string(last);
  return text != nullptr ? text : fmt::format("error {:#x}", last);
}

}  // namespace clasp::dial
