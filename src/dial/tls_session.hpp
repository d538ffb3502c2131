// TLS of outgoing connections (OpenSSL 3), without a socket: bytes of the network in, plain bytes out, and back.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "clasp/error.hpp"
#include "core/byte_buffer.hpp"
#include "core/bytes.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace clasp::dial {

struct TlsOptions {
  std::string ca_file;           // PEM: trust these authorities and no others; empty: the system's
  std::string certificate_file;  // PEM, with its chain: who we are, if the server asks
  std::string key_file;          // PEM; empty: in certificate_file
  std::string server_name;       // to ask for and to find in the certificate; empty: the host
  std::vector<std::string> alpn;
  bool insecure = false;  // accept any certificate
};

// What all sessions of one target share. Immutable.
class TlsContext {
 public:
  // The error names the file that cannot be used and why.
  static Result<std::shared_ptr<const TlsContext>> load(const TlsOptions& options);
  explicit TlsContext(ssl_ctx_st* context, std::string server_name) : context_(context), server_name_(std::move(server_name)) {}
  TlsContext(const TlsContext&) = delete;
  ~TlsContext();

  ssl_ctx_st* context() const { return context_; }
  const std::string& server_name() const { return server_name_; }

 private:
  ssl_ctx_st* context_;
  std::string server_name_;
};

// TLS 1.2 or 1.3, as the client.
class TlsSession {
 public:
  enum class Step { more, done, failed };

  TlsSession(std::shared_ptr<const TlsContext> context, const std::string& host);
  TlsSession(const TlsSession&) = delete;
  ~TlsSession();

  void receive(Bytes wire);              // from the network
  Step shake();                          // the handshake, as far as it goes
  Step read(std::span<std::byte> into);  // once it is done. done: bytes_read() of `into` are filled, call again; more: nothing now
  std::size_t bytes_read() const { return bytes_read_; }
  bool ended() const { return ended_; }  // the peer has said that nothing follows
  void write(Bytes plain);
  void end();                   // says that nothing follows
  void take(ByteBuffer& wire);  // appends what is to go to the network

  const std::string& error() const { return error_; }  // after failed: in words, without the host
  // For the check of certificates: what is wrong with one of the chain.
  void note_certificate(std::string text) { certificate_error_ = std::move(text); }
  const std::string& expected_name() const { return expected_name_; }

 private:
  Step fail(int result);

  std::shared_ptr<const TlsContext> context_;
  std::string expected_name_;
  ssl_st* ssl_;
  std::size_t bytes_read_ = 0;
  bool ended_ = false;
  std::string certificate_error_;
  std::string error_;
};

}  // namespace clasp::dial
