#include "cli/build_info.hpp"

#include <algorithm>
#include <array>

#include "core/limits.hpp"
#include "lens/wasmtime_library.hpp"

namespace clasp::cli {

namespace {

// The CLASP_HAS_… are 0 or 1: does the module exist in this build (CMakeLists.txt of this folder).
constexpr std::array feature_rows{
    Feature{"websocket", "ws://, served and spoken", true},
    Feature{"tcp", "tcp://, served and spoken", true},
    Feature{"http", "/v1, events and the reference's routes (--http), /healthz, /readyz and /metrics on the same port", true},
    Feature{"osc", "OSC bridge over UDP and TCP", true},
    Feature{"mqtt", "MQTT broker, 3.1.1 and 5, over TCP and WebSocket", true},
    Feature{"socketio", "Socket.IO bridge, server and client", true},
    Feature{"websocket-json", "JSON over WebSocket, server and client", true},
    Feature{"tls", "wss:// and tls://", false},
    Feature{"udp", "CLASP datagrams", CLASP_HAS_UDP != 0},
    Feature{"quic", "quic://", CLASP_HAS_QUIC != 0},
    Feature{"webrtc", "data channels", CLASP_HAS_WEBRTC != 0},
    Feature{"serial", "serial://", CLASP_HAS_SERIAL != 0},
    Feature{"midi", "MIDI bridge", CLASP_HAS_MIDI != 0},
    Feature{"artnet", "Art-Net bridge", CLASP_HAS_ARTNET != 0},
    Feature{"journal", "state that survives a restart", CLASP_HAS_STORE != 0},
    Feature{"security", "tokens and scopes", CLASP_HAS_SECURITY != 0},
    Feature{"rules", "rules in the router", CLASP_HAS_RULES != 0},
    Feature{"lens", "WASM modules that change values (docs/lenses.md)", false},  // if their library can be opened
    Feature{"federation", "routers that share their state", CLASP_HAS_FEDERATION != 0},
    Feature{"discovery", "mDNS and UDP discovery", CLASP_HAS_DISCOVERY != 0},
};

#if defined(__linux__)
constexpr std::string_view platform = "linux";
#elif defined(__APPLE__)
constexpr std::string_view platform = "macos";
#else
constexpr std::string_view platform = "unknown";
#endif

#if defined(__clang__)
constexpr std::string_view compiler = "clang " __clang_version__;
#else
constexpr std::string_view compiler = "gcc " __VERSION__;
#endif

}  // namespace

BuildInfo build_info() {
  return {.version = CLASP_VERSION,
          .protocol = wire::protocol_version,
          .build_type = CLASP_BUILD_TYPE,
          .compiler = compiler,
          .platform = platform,
          .processor = CLASP_PROCESSOR};
}

std::span<const Feature> features() {
  static const auto rows = [] {
    auto all = feature_rows;
    std::ranges::find(all, std::string_view("lens"), &Feature::name)->built = lens::wasmtime_functions().has_value();
    return all;
  }();
  return rows;
}

}  // namespace clasp::cli
