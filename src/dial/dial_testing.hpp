// Peers for tests of outgoing connections: certificates made on the spot, and servers that follow a script on a thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "core/bytes.hpp"

struct ssl_st;

namespace clasp::dial {

// A folder that is gone with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  std::string file(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

struct CertificateFiles {
  std::string certificate;  // PEM
  std::string key;
};

// An authority of its own.
class TestAuthority {
 public:
  explicit TestAuthority(const TemporaryFolder& folder, std::string name = "Test CA");
  TestAuthority(const TestAuthority&) = delete;
  ~TestAuthority();

  const std::string& file() const { return file_; }  // PEM, to trust it
  // `names`: "DNS:a.example,IP:127.0.0.1". Valid from `from_s` until `to_s`, counted from now.
  CertificateFiles issue(std::string_view file, std::string_view names, long from_s = -3'600, long to_s = 3'600) const;

 private:
  struct Keys;
  const TemporaryFolder& folder_;
  std::string file_;
  std::unique_ptr<Keys> keys_;
};

// The server's end of one connection; blocking, given up after a minute of silence.
class ServerEnd {
 public:
  ServerEnd(int socket, ssl_st* tls) : socket_(socket), tls_(tls) {}
  ServerEnd(const ServerEnd&) = delete;
  ~ServerEnd();

  std::string read_some();  // "" at the end
  std::string read_until(std::string_view end);
  std::string read_exactly(std::size_t bytes);
  void write(std::string_view text);  // nothing happens if the peer is gone
  void shut_down();                   // nothing follows
  void reset();                       // ends it the hard way
  int socket() const { return socket_; }

 private:
  int socket_;
  ssl_st* tls_;
  std::string read_ahead_;
};

// Serves connections one after another, each by `script` on the server's thread. Listens from construction; the destructor ends the connection under
// way and waits for the script.
class ScriptServer {
 public:
  explicit ScriptServer(std::function<void(ServerEnd&)> script, std::string address = "127.0.0.1");
  ScriptServer(std::function<void(ServerEnd&)> script, const CertificateFiles& certificate, const std::string& client_ca = {});
  ScriptServer(const ScriptServer&) = delete;
  ~ScriptServer();
  std::uint16_t port() const { return port_; }

 private:
  void serve();

  std::function<void(ServerEnd&)> script_;
  int listener_ = -1;
  int stop_ = -1;  // an eventfd
  std::mutex mutex_;
  int serving_ = -1;  // under mutex_
  bool stopping_ = false;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace clasp::dial
