#include "bridge/web/peer_side.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "core/base64.hpp"
#include "options/apply.hpp"

namespace clasp::bridge::web {

namespace {
constexpr std::array<std::string_view, 2> mode_names{"server", "client"};
}

std::vector<options::Option> PeerSide::rows(Fits fits) {
  return {
      {.name = "mode",
       .letter = 'm',
       .value = "NAME",
       .default_text = "as --url says",
       .help = "server, or client: then it connects to --url.",
       .apply = [this](std::string_view text) -> Result<void> {
         const auto mode = options::parse_choice(text, mode_names);
         if (!mode) return mode.error();
         is_client = *mode == 1;
         return {};
       },
       .in_file = false},
      {.name = "url",
       .letter = 'u',
       .value = "ADDRESS",
       .default_text = fmt::format("{}:{}", place.host, place.port),
       .help = fmt::format("Where it listens: HOST:PORT; or, as a client, {}.", url_form),
       .apply = [this, fits = std::move(fits)](std::string_view text) { return set_url(text, fits); },
       .in_file = false},
      {.name = "port",
       .letter = 'p',
       .value = "N",
       .default_text = fmt::format("{}", place.port),
       .help = "Port that clients connect to; 0: any.",
       .apply = options::apply_count(place.port, 0, 65'535),
       .in_file = false,
       .variable = "CLASP_BRIDGE_PORT"},
      {.name = "bind",
       .letter = 'b',
       .value = "HOST[:PORT]",
       .default_text = place.host,
       .help = "Address it listens on; :: hears IPv6 and IPv4.",
       .apply = [this](std::string_view text) { return set_place(place, text); },
       .in_file = false},
      {.name = "header",
       .value = "NAME: VALUE",
       .help = "Sent with the requests of a client; repeatable.",
       .apply = [this](std::string_view text) { return add_header(headers, text); },
       .repeatable = true,
       .in_file = false},
      {.name = "ca",
       .value = "FILE",
       .help = fmt::format("Trusts the authorities of this file and no others, for {}.", tls_scheme),
       .apply = options::apply_text(tls.ca_file),
       .in_file = false},
      {.name = "insecure",
       .help = "Accepts any certificate: whoever answers is trusted.",
       .apply = options::apply_switch(tls.insecure),
       .in_file = false},
  };
}

Result<void> PeerSide::check() const {
  if (connects() && !server) return options::bad_option(fmt::format("--mode client needs --url {}", url_form));
  if (!connects() && server) return options::bad_option("--url is an URL, which --mode server does not connect to: it listens at HOST:PORT");
  return {};
}

std::vector<net::HttpField> PeerSide::request_fields() const {
  std::vector<net::HttpField> fields = headers;
  if (!server || (server->user.empty() && server->password.empty()) || net::find_field(fields, "Authorization") != nullptr) return fields;
  const std::string pair = fmt::format("{}:{}", server->user, server->password);
  fields.push_back({"Authorization", "Basic " + base64_encode(as_bytes(pair))});
  return fields;
}

Result<void> PeerSide::set_url(std::string_view text, const Fits& fits) {
  if (!url::find_scheme(text)) {
    server.reset();
    return set_place(place, text);
  }
  auto parsed = url::parse_url(text, schemes);
  if (!parsed) return parsed.error();
  if (fits) {
    if (auto fitting = fits(*parsed); !fitting) return fitting;
  }
  server = *std::move(parsed);
  return {};
}

}  // namespace clasp::bridge::web
