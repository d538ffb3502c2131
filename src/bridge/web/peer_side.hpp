// Where the peers of a bridge are: it listens for them at a place, or connects to the one that is a server. The rows --mode, --url, --port, --bind, and
// what a connection needs: --header, --ca, --insecure.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "bridge/web/listen_rows.hpp"
#include "clasp/error.hpp"
#include "dial/tls_session.hpp"
#include "net/http_message.hpp"
#include "net/listener.hpp"
#include "options/option_set.hpp"
#include "url/url.hpp"

namespace clasp::bridge::web {

struct PeerSide {
  std::string_view url_form;             // "ws://HOST:PORT/PATH"
  std::string_view tls_scheme;           // "wss://"
  std::span<const url::Scheme> schemes;  // of URLs
  ListenPlace place;                     // to listen at

  // What the rows fill in.
  std::optional<bool> is_client{};   // unset: if --url is a URL
  std::optional<url::Url> server{};  // to connect to
  std::vector<net::HttpField> headers{};
  dial::TlsOptions tls{};

  bool connects() const { return is_client.value_or(server.has_value()); }
  net::ListenAddress bind() const { return {.host = place.host, .port = place.port}; }
  // Of requests to the server: `headers`, and user and password of its URL as Basic authentication (RFC 7617) if they do not say another one.
  std::vector<net::HttpField> request_fields() const;

  // They refer to this. `fits` says whether a URL that can be parsed is one for the bridge.
  using Fits = std::function<Result<void>(const url::Url& url)>;
  std::vector<options::Option> rows(Fits fits = {});
  Result<void> check() const;  // whether what the rows say goes together

 private:
  Result<void> set_url(std::string_view text, const Fits& fits);
};

}  // namespace clasp::bridge::web
