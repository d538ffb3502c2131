#include "dial/tls_session.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstring>

#include "core/check.hpp"
#include "dial/tls_error.hpp"

namespace clasp::dial {
namespace {

Error bad_file(std::string_view what, const std::string& file) {
  const unsigned long first = ERR_peek_error();  // the system's own, if it is the system's
  const std::string why = ERR_SYSTEM_ERROR(first) ? std::strerror(ERR_GET_REASON(first)) : take_openssl_error();
  ERR_clear_error();
  return {ErrorCode::invalid_argument, fmt::format("TLS: cannot use the {} {}: {}", what, file, why), {}};
}

// A key with a pass phrase would otherwise be asked for on the terminal.
int refuse_passphrase(char*, int, int, void*) { return -1; }

int check_certificate(int accepted, X509_STORE_CTX* check) {
  if (accepted == 1) return 1;
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(check, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* session = static_cast<TlsSession*>(SSL_get_app_data(ssl));
  session->note_certificate(describe_certificate_error(check, session->expected_name()));
  return 0;
}

std::vector<unsigned char> alpn_list(const std::vector<std::string>& names) {
  std::vector<unsigned char> list;
  for (const std::string& name : names) {
    list.push_back(static_cast<unsigned char>(name.size()));
    list.insert(list.end(), name.begin(), name.end());
  }
  return list;
}

bool is_ip_literal(const std::string& host) {
  std::array<unsigned char, 16> address;
  return ::inet_pton(AF_INET, host.c_str(), address.data()) == 1 || ::inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const TlsOptions& options) {
  ERR_clear_error();
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  CLASP_CHECK(context != nullptr);
  const auto owner = std::make_shared<const TlsContext>(context, options.server_name);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_default_passwd_cb(context, refuse_passphrase);
  SSL_CTX_set_verify(context, options.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, options.insecure ? nullptr : check_certificate);
  if (options.ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(context);
  } else if (SSL_CTX_load_verify_file(context, options.ca_file.c_str()) != 1) {
    return bad_file("authorities in", options.ca_file);
  }
  if (!options.certificate_file.empty() && SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()) != 1) {
    return bad_file("certificate", options.certificate_file);
  }
  const std::string& key = options.key_file.empty() ? options.certificate_file : options.key_file;
  if (!key.empty() && SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) return bad_file("key", key);
  if (!key.empty() && options.certificate_file.empty()) return Error{ErrorCode::invalid_argument, "TLS: a key without a certificate", {}};
  const std::vector<unsigned char> alpn = alpn_list(options.alpn);
  if (!alpn.empty()) CLASP_CHECK(SSL_CTX_set_alpn_protos(context, alpn.data(), static_cast<unsigned>(alpn.size())) == 0);
  return owner;
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context, const std::string& host)
    : context_(std::move(context)),
      expected_name_(context_->server_name().empty() ? host : context_->server_name()),
      ssl_(SSL_new(context_->context())) {
  CLASP_CHECK(ssl_ != nullptr);
  SSL_set_app_data(ssl_, this);
  SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(ssl_);
  if (is_ip_literal(expected_name_)) {  // which are not asked for by SNI
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), expected_name_.c_str());
  } else {
    SSL_set_hostflags(ssl_, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set1_host(ssl_, expected_name_.c_str());
    SSL_set_tlsext_host_name(ssl_, expected_name_.c_str());
  }
}

TlsSession::~TlsSession() { SSL_free(ssl_); }

void TlsSession::receive(Bytes wire) {
  CLASP_CHECK(BIO_write(SSL_get_rbio(ssl_), wire.data(), static_cast<int>(wire.size())) == static_cast<int>(wire.size()));
}

TlsSession::Step TlsSession::shake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  return result == 1 ? Step::done : fail(result);
}

TlsSession::Step TlsSession::read(std::span<std::byte> into) {
  ERR_clear_error();
  const int result = SSL_read_ex(ssl_, into.data(), into.size(), &bytes_read_);
  return result == 1 ? Step::done : fail(result);
}

TlsSession::Step TlsSession::fail(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ: return Step::more;
    case SSL_ERROR_ZERO_RETURN: ended_ = true; return Step::more;
    default: break;
  }
  error_ = certificate_error_.empty() ? take_openssl_error() : certificate_error_;
  return Step::failed;
}

void TlsSession::write(Bytes plain) {
  std::size_t written = 0;
  ERR_clear_error();
  if (!plain.empty()) CLASP_CHECK(SSL_write_ex(ssl_, plain.data(), plain.size(), &written) == 1 && written == plain.size());
}

void TlsSession::end() {
  ERR_clear_error();
  if (SSL_is_init_finished(ssl_) == 1) SSL_shutdown(ssl_);
}

void TlsSession::take(ByteBuffer& wire) {
  BIO* out = SSL_get_wbio(ssl_);
  const std::size_t waiting = BIO_ctrl_pending(out);
  if (waiting == 0) return;
  const int taken = BIO_read(out, wire.extend(waiting), static_cast<int>(waiting));
  CLASP_CHECK(taken == static_cast<int>(waiting));
}

}  // namespace clasp::dial
