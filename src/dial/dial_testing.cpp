#include "dial/dial_testing.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "core/check.hpp"

namespace clasp::dial {
namespace {

EVP_PKEY* new_key() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  CLASP_CHECK(key != nullptr);
  return key;
}

void add_name(X509_NAME* name, const std::string& text) {
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0);
}

void add_extension(X509* certificate, int nid, const std::string& text) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, text.c_str());
  CLASP_CHECK(extension != nullptr);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

X509* new_certificate(EVP_PKEY* key, const std::string& subject, long from_s, long to_s) {
  static long serial = 1;
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), from_s);
  X509_gmtime_adj(X509_getm_notAfter(certificate), to_s);
  X509_set_pubkey(certificate, key);
  add_name(X509_get_subject_name(certificate), subject);
  return certificate;
}

void write_pem(const std::string& file, X509* certificate, EVP_PKEY* key) {
  std::FILE* out = std::fopen(file.c_str(), "w");
  CLASP_CHECK(out != nullptr);
  if (certificate != nullptr) PEM_write_X509(out, certificate);
  if (key != nullptr) PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(out);
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = testing::TempDir() + "clasp-XXXXXX";
  CLASP_CHECK(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}
TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

// ---- certificates ----

struct TestAuthority::Keys {
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
};

TestAuthority::TestAuthority(const TemporaryFolder& folder, std::string name)
    : folder_(folder), file_(folder.file(name + ".pem")), keys_(std::make_unique<Keys>()) {
  keys_->key = new_key();
  keys_->certificate = new_certificate(keys_->key, name, -3'600, 86'400);
  X509_set_issuer_name(keys_->certificate, X509_get_subject_name(keys_->certificate));
  add_extension(keys_->certificate, NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(keys_->certificate, keys_->key, EVP_sha256());
  write_pem(file_, keys_->certificate, nullptr);
}

TestAuthority::~TestAuthority() {
  X509_free(keys_->certificate);
  EVP_PKEY_free(keys_->key);
}

CertificateFiles TestAuthority::issue(std::string_view file, std::string_view names, long from_s, long to_s) const {
  const CertificateFiles files{.certificate = folder_.file(std::string(file) + ".pem"), .key = folder_.file(std::string(file) + ".key")};
  EVP_PKEY* key = new_key();
  X509* certificate = new_certificate(key, std::string(file), from_s, to_s);
  X509_set_issuer_name(certificate, X509_get_subject_name(keys_->certificate));
  if (!names.empty()) add_extension(certificate, NID_subject_alt_name, std::string(names));
  X509_sign(certificate, keys_->key, EVP_sha256());
  write_pem(files.certificate, certificate, nullptr);
  write_pem(files.key, nullptr, key);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return files;
}

// ---- one connection ----

ServerEnd::~ServerEnd() {
  if (tls_ != nullptr) SSL_free(tls_);
  if (socket_ >= 0) ::close(socket_);
}

std::string ServerEnd::read_some() {
  if (!read_ahead_.empty()) return std::exchange(read_ahead_, {});
  std::array<char, 65'536> buffer;
  const auto n = tls_ != nullptr ? SSL_read(tls_, buffer.data(), buffer.size()) : ::recv(socket_, buffer.data(), buffer.size(), 0);
  return n > 0 ? std::string(buffer.data(), static_cast<std::size_t>(n)) : std::string();
}

std::string ServerEnd::read_until(std::string_view end) {
  std::string text;
  while (text.find(end) == std::string::npos) {
    const std::string more = read_some();
    if (more.empty()) return text;
    text += more;
  }
  const std::size_t at = text.find(end) + end.size();
  read_ahead_ = text.substr(at);
  return text.substr(0, at);
}

std::string ServerEnd::read_exactly(std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) {
    const std::string more = read_some();
    if (more.empty()) return text;
    text += more;
  }
  read_ahead_ = text.substr(bytes);
  return text.substr(0, bytes);
}

void ServerEnd::write(std::string_view text) {
  while (!text.empty()) {
    const auto n =
        tls_ != nullptr ? SSL_write(tls_, text.data(), static_cast<int>(text.size())) : ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void ServerEnd::shut_down() {
  if (tls_ != nullptr) SSL_shutdown(tls_);
  ::shutdown(socket_, SHUT_WR);
}

void ServerEnd::reset() {
  const linger hard{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  ::close(std::exchange(socket_, -1));
}

// ---- the server ----

ScriptServer::ScriptServer(std::function<void(ServerEnd&)> script, std::string address) : script_(std::move(script)) {
  const bool six = address.find(':') != std::string::npos;
  sockaddr_storage local{};
  local.ss_family = six ? AF_INET6 : AF_INET;
  void* bytes = six ? static_cast<void*>(&reinterpret_cast<sockaddr_in6&>(local).sin6_addr) : &reinterpret_cast<sockaddr_in&>(local).sin_addr;
  CLASP_CHECK(::inet_pton(local.ss_family, address.c_str(), bytes) == 1);
  socklen_t length = six ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  listener_ = ::socket(local.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CLASP_CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&local), length) == 0 && ::listen(listener_, 16) == 0);
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&local), &length);
  port_ = ntohs(six ? reinterpret_cast<sockaddr_in6&>(local).sin6_port : reinterpret_cast<sockaddr_in&>(local).sin_port);
  stop_ = ::eventfd(0, EFD_CLOEXEC);
  thread_ = std::thread([this] { serve(); });
}

ScriptServer::ScriptServer(std::function<void(ServerEnd&)> script, const CertificateFiles& certificate, const std::string& client_ca)
    : ScriptServer([script = std::move(script), certificate, client_ca](ServerEnd& plain) {
        SSL_CTX* context = SSL_CTX_new(TLS_server_method());
        CLASP_CHECK(SSL_CTX_use_certificate_chain_file(context, certificate.certificate.c_str()) == 1);
        CLASP_CHECK(SSL_CTX_use_PrivateKey_file(context, certificate.key.c_str(), SSL_FILETYPE_PEM) == 1);
        if (!client_ca.empty()) {
          CLASP_CHECK(SSL_CTX_load_verify_locations(context, client_ca.c_str(), nullptr) == 1);
          SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
        }
        SSL* tls = SSL_new(context);
        SSL_CTX_free(context);
        const int socket = ::dup(plain.socket());
        SSL_set_fd(tls, socket);
        const bool shaken = SSL_accept(tls) == 1;
        ServerEnd secure(socket, tls);
        if (shaken) script(secure);
      }) {}

ScriptServer::~ScriptServer() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    if (serving_ >= 0) ::shutdown(serving_, SHUT_RDWR);  // what has come can still be read
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(stop_, &one, sizeof one);
  thread_.join();
  ::close(listener_);
  ::close(stop_);
}

void ScriptServer::serve() {
  sigset_t broken_pipes;  // OpenSSL's socket BIO may cause them
  ::sigemptyset(&broken_pipes);
  ::sigaddset(&broken_pipes, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &broken_pipes, nullptr);
  for (;;) {
    std::array<pollfd, 2> polled{pollfd{listener_, POLLIN, 0}, pollfd{stop_, POLLIN, 0}};
    if (::poll(polled.data(), polled.size(), -1) < 0) continue;
    if ((polled[1].revents & POLLIN) != 0) return;
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    const timeval silence_max{.tv_sec = 60, .tv_usec = 0};
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &silence_max, sizeof silence_max);
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &silence_max, sizeof silence_max);
    {
      const std::lock_guard lock{mutex_};
      serving_ = ::dup(socket);
      if (stopping_) ::shutdown(serving_, SHUT_RDWR);
    }
    {
      ServerEnd end(socket, nullptr);
      script_(end);
    }
    const std::lock_guard lock{mutex_};
    ::close(std::exchange(serving_, -1));
  }
}

}  // namespace clasp::dial
