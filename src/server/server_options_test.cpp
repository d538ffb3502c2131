#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "server/server_config.hpp"

namespace clasp::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ServerOptions : public ::testing::Test {
 protected:
  Result<ServerConfig> load(std::vector<std::string> arguments) {
    return load_server_config(arguments, {.variable = [this](const char* name) -> const char* {
                                            const auto found = variables.find(name);
                                            return found == variables.end() ? nullptr : found->second.c_str();
                                          },
                                          .file = [this](const std::string& path) -> Result<std::string> {
                                            const auto found = files.find(path);
                                            if (found == files.end()) return Error{ErrorCode::invalid_argument, "cannot read " + path, {}};
                                            return found->second;
                                          }});
  }
  std::string failure(std::vector<std::string> arguments) {
    const auto config = load(std::move(arguments));
    return config ? "" : config.error().message;
  }
  std::map<std::string, std::string> variables;
  std::map<std::string, std::string> files;
};

TEST_F(ServerOptions, DefaultsAreForPeopleWhoRunAShow) {
  const auto config = load({});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->router.params_max, 1'000'000u);
  EXPECT_EQ(config->router.eviction, router::EvictionPolicy::refuse);
  EXPECT_EQ(config->router.param_ttl.count(), 0);
  EXPECT_EQ(config->router.sessions_max, 0u);
  EXPECT_EQ(config->router.messages_per_second_max, 0u);
  EXPECT_THAT(config->listen, ElementsAre(net::ListenAddress{"", 7330}));
}

TEST_F(ServerOptions, CompressionIsOffUnlessAskedFor) {
  EXPECT_FALSE(load({})->websocket.deflate);
  EXPECT_TRUE(load({"--deflate"})->websocket.deflate);
  files["c.toml"] = "deflate = true\n";
  EXPECT_TRUE(load({"--config", "c.toml"})->websocket.deflate);
}

TEST_F(ServerOptions, BridgesStandInTheFileAsTables) {
  files["show.toml"] = "osc = [9001]\n\n[[bridge]]\ntype = \"osc\"\nport = 9002\nnamespace = \"/stage\"\ntarget = [\"desk:8000\", \"desk:8001\"]\n"
                       "map = [\"osc:/a <-> /b\"]\n\n[[bridge]]\ntype = \"osc\"\nport = 9003\n";
  const auto config = load({"--config", "show.toml", "--osc", "9000"});
  ASSERT_TRUE(config) << config.error().message;
  std::vector<std::string> names;
  for (const auto& plan : config->bridges) names.push_back(plan->name());
  EXPECT_THAT(names, ElementsAre("osc :9001", "osc :9000", "osc-bridge", "osc-bridge 2"));
  EXPECT_EQ(config->bridges[2]->ns().prefix(), "/stage");
  EXPECT_EQ(config->bridges[2]->mappings().entries.size(), 1u);
}

TEST_F(ServerOptions, PortAndBindAreOneMoreAddress) {
  EXPECT_THAT(load({"--port", "8000"})->listen, ElementsAre(net::ListenAddress{"", 8000}));
  EXPECT_THAT(load({"--bind", "127.0.0.1"})->listen, ElementsAre(net::ListenAddress{"127.0.0.1", 7330}));
  EXPECT_THAT(load({"--protocol", "websocket", "--bind", "::1", "--port", "8000", "--listen", ":9"})->listen,
              ElementsAre(net::ListenAddress{"", 9}, net::ListenAddress{"::1", 8000}));
  for (const char* bad : {"65536", "-1", "", "x"}) EXPECT_THAT(failure({"--port", bad}), HasSubstr("--port: expected a whole number from 0 to 65535"));
  EXPECT_THAT(failure({"--bind", "127.0.0.1:7330"}), HasSubstr("--bind: expected a host, and its port with --port"));
  EXPECT_THAT(failure({"--protocol", "quic"}), HasSubstr("--protocol: QUIC is not part of this build"));
}

TEST_F(ServerOptions, MappingsMayStandInAFileAsWithTheBridges) {
  files["show.map"] = "osc:/fader/{n} <-> /lights/{n}\nosc:/go -> /cue\n";
  const auto config = load({"--map", "show.map", "--map", "osc:/a -> /b"});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->mappings.entries.size(), 3u);
  EXPECT_THAT(failure({"--map", "none.map"}), HasSubstr("--map: cannot read none.map"));
  files["show.map"] = "osc:/a -> /b\nosc:/a =>\n";
  EXPECT_THAT(failure({"--map", "show.map"}), HasSubstr("show.map:2: "));
}

// A variable that was not set must not open the door, or leave the state in memory.
TEST_F(ServerOptions, AnEmptySecretOrFileIsNotNone) {
  for (const char* name : {"http-token", "webhook-secret", "journal", "journal-path", "persist", "persist-path"}) {
    EXPECT_THAT(failure({fmt::format("--{}", name), ""}), HasSubstr(fmt::format("--{}: expected a text that is not empty", name)));
    files["c.toml"] = fmt::format("{} = \"\"\n", name);
    EXPECT_THAT(failure({"--config", "c.toml"}), HasSubstr(fmt::format("c.toml:1: {}: expected a text that is not empty", name)));
  }
  for (const char* bridge : {"http listen-token=", "http api-key=", "socketio listen-token=", "websocket listen-token="})
    EXPECT_THAT(failure({"--bridge", bridge}), HasSubstr("expected a text that is not empty")) << bridge;
}

TEST_F(ServerOptions, ABridgeMayStandOnTheCommandLine) {
  const auto config = load({"--bridge", "osc port=9002 namespace=/stage"});
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->bridges.size(), 1u);
  EXPECT_EQ(config->bridges[0]->ns().prefix(), "/stage");
  EXPECT_THAT(failure({"--bridge", "osc prot=1"}), HasSubstr("--bridge: prot=1: unknown option, did you mean port?"));
  EXPECT_THAT(failure({"--bridge", "oscc"}), HasSubstr("--bridge: no bridge is called oscc"));
}

TEST_F(ServerOptions, AMistakeInABridgeTableNamesItsLine) {
  const std::pair<const char*, const char*> mistakes[] = {
      {"\n[[bridge]]\nport = 1\n", "c.toml:2: bridge: expected type = \"osc\""},
      {"[[bridge]]\ntype = \"oscc\"\n", "c.toml:2: type: no bridge is called oscc"},
      {"[[bridge]]\ntype = \"osc\"\n\nprot = 1\n", "c.toml:4: prot: unknown key, did you mean port?"},
      {"[[bridge]]\ntype = \"osc\"\nport = 70000\n", "c.toml:3: port: expected a whole number"},
      {"[[bridge]]\ntype = \"osc\"\nport = [1, 2]\n", "c.toml:3: port: expected a single value"},
      {"bridge = 1\n", "c.toml:1: bridge: expected [[bridge]]"}};
  for (const auto& [text, message] : mistakes) {
    files["c.toml"] = text;
    EXPECT_THAT(failure({"--config", "c.toml"}), HasSubstr(message)) << text;
  }
}

TEST_F(ServerOptions, MappingsAndTransformsStandInTheFileBesideOptions) {
  files["show.toml"] = "name = \"show\"\nmapping-default = \"drop\"\n\n[[mapping]]\nfrom = \"osc:/a\"\nto = \"/b\"\n\n"
                       "[[transform]]\naddress = \"/b\"\ntransform = \"value * 2\"\n";
  const auto config = load({"--config", "show.toml", "--map", "osc:/c <-> /d"});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->router.name, "show");
  EXPECT_FALSE(config->mappings.pass_unmatched);
  ASSERT_EQ(config->mappings.entries.size(), 2u);
  EXPECT_EQ(config->mappings.entries[0].where(), "show.toml:4: mapping 1");
  ASSERT_EQ(config->transforms.size(), 1u);
  EXPECT_EQ(config->transforms[0].where, "show.toml:8: transform 1");
}

TEST_F(ServerOptions, AFaultyMappingOrTransformIsToldWithItsLine) {
  files["show.toml"] = "[[mapping]]\nfrom = \"osc:/a\"\nto = \"/b/{n}\"\n";
  EXPECT_EQ(failure({"--config", "show.toml"}), "show.toml:3: mapping 1: /to: nothing in /a fills {n} in /b/{n}");
  files["show.toml"] = "[[transform]]\naddress = \"/b\"\ntransform = { type = \"clamp\", min = 0 }\n";
  EXPECT_EQ(failure({"--config", "show.toml"}), "show.toml:1: transform 1: /transform/max: missing; a number is needed");
  EXPECT_THAT(failure({"--map", "osc:/a => /b"}), HasSubstr("--map: "));
  files["show.toml"] = "[mappings]\na = 1\n";
  EXPECT_THAT(failure({"--config", "show.toml"}), HasSubstr("mappings: unknown key"));
}

TEST_F(ServerOptions, RulesComeFromFilesAndTables) {
  files["rules.json"] = R"([{"id":"a","trigger":{"type":"on_change","pattern":"/x"},"actions":[{"type":"set","address":"/y","value":1}]}])";
  files["show.toml"] = "rules = [\"rules.json\"]\n\n[[rule]]\nid = \"b\"\ntrigger = { type = \"on_event\", pattern = \"/x\" }\n"
                       "actions = [{ type = \"publish\", address = \"/y\" }]\n";
  const auto config = load({"--config", "show.toml", "--rules-runtime"});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->rules.source.entries.size(), 2u);
  EXPECT_TRUE(config->rules.given && config->rules.at_run_time);
  EXPECT_FALSE(load({})->rules.given);
}

TEST_F(ServerOptions, AFaultyRuleIsToldWithItsFileAndLine) {
  files["rules.json"] = "[\n{\"id\":\"a\",\n\"trigger\":{\"type\":\"on_change\"}}]";
  EXPECT_THAT(failure({"--rules", "rules.json"}), HasSubstr("rules.json:3: rule \"a\": /trigger/pattern: missing"));
  EXPECT_THAT(failure({"--rules", "none.json"}), HasSubstr("--rules: cannot read none.json"));
  files["show.toml"] = "[[rule]]\nid = \"b\"\nactions = []\n";
  EXPECT_THAT(failure({"--config", "show.toml"}), HasSubstr("show.toml:1: rule \"b\": /trigger: missing"));
}

TEST_F(ServerOptions, FlagsWinOverEnvironmentOverFile) {
  files["c.toml"] = "max-params = 1\nmax-sessions = 1\nname = \"file\"\nosc = [9000, 9001]\n";
  variables["CLASP_MAX_PARAMS"] = "2";
  variables["CLASP_MAX_SESSIONS"] = "2";
  const auto config = load({"--config", "c.toml", "--max-params=3"});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->router.params_max, 3u);
  EXPECT_EQ(config->router.sessions_max, 2u);
  EXPECT_EQ(config->router.name, "file");
  EXPECT_THAT(config->osc_udp.binds, ElementsAre(net::ListenAddress{"", 9000}, net::ListenAddress{"", 9001}));
}

TEST_F(ServerOptions, TheReferenceProfileComesFirstWhereverItStands) {
  const auto config = load({"--max-params", "5", "--profile", "reference"});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->router.params_max, 5u);
  EXPECT_EQ(config->router.sessions_max, 100u);
  EXPECT_EQ(config->router.eviction, router::EvictionPolicy::lru);
  EXPECT_EQ(config->router.param_ttl.count(), 3600);
}

TEST_F(ServerOptions, ErrorsNameOptionAndExpectation) {
  EXPECT_THAT(failure({"--max-prams", "5"}), HasSubstr("unknown option --max-prams, did you mean --max-params?"));
  EXPECT_THAT(failure({"--eviction", "random"}), HasSubstr("--eviction: expected one of: refuse, lru, oldest-first"));
  EXPECT_THAT(failure({"--listen", "nowhere:port"}), HasSubstr("--listen"));
  EXPECT_THAT(failure({"--strategy", "/a/**=best"}), HasSubstr("expected one of: lww, max, min, lock, merge"));
  EXPECT_THAT(failure({"--strategy", "max"}), HasSubstr("expected PATTERN=NAME"));
  EXPECT_THAT(failure({"--profile", "huge"}), HasSubstr("--profile: expected one of: show, reference"));
  EXPECT_THAT(failure({"--osc-namespace", "osc"}), HasSubstr("osc-namespace"));
  EXPECT_THAT(failure({"--mqtt-namespace", "mqtt"}), HasSubstr("mqtt-namespace"));
  EXPECT_THAT(failure({"--mqtt", "here:now"}), HasSubstr("--mqtt"));
  EXPECT_THAT(failure({"extra"}), HasSubstr("unexpected argument \"extra\""));
  EXPECT_THAT(failure({"--config", "missing.toml"}), HasSubstr("missing.toml"));
  files["bad.toml"] = "\n\nmax-param = 4\n";
  EXPECT_THAT(failure({"-c", "bad.toml"}), HasSubstr("bad.toml:3: max-param: unknown key, did you mean max-params?"));
}

TEST_F(ServerOptions, HttpIsOffUnlessAskedForAndItsErrorsAreNamed) {
  ASSERT_FALSE(load({})->http);
  const auto config = load({"--http", "--http-namespace", "/", "--http-origin", "https://a.example", "--http-origin", "http://b:81", "--http-base", "/rest"});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->http);
  EXPECT_EQ(config->http_api.ns, "");
  EXPECT_EQ(config->http_api.base, "/rest");
  EXPECT_THAT(config->http_api.origins, ElementsAre("https://a.example", "http://b:81"));
  EXPECT_THAT(failure({"--http-base", "/v1"}), HasSubstr("--http-base: expected a path as /api, not below /v1"));
  EXPECT_THAT(failure({"--http-origin", "a.example"}), HasSubstr("--http-origin: expected an origin as https://desk.example"));
  EXPECT_THAT(failure({"--http-origin", "https://a.example/page"}), HasSubstr("without a path"));
  EXPECT_THAT(failure({"--http-namespace", "http"}), HasSubstr("http-namespace"));
}

TEST_F(ServerOptions, SeveralListenersReplaceTheDefault) {
  const auto config = load({"--listen", ":7331", "-l", "[::1]:7332", "--strategy", "/max/**=max", "--osc-kind", "/osc/buttons/**=event"});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_THAT(config->listen, ElementsAre(net::ListenAddress{"", 7331}, net::ListenAddress{"::1", 7332}));
  EXPECT_EQ(config->router.strategies.size(), 1u);
  EXPECT_EQ(config->osc_kinds.size(), 1u);
}

}  // namespace
}  // namespace clasp::server
