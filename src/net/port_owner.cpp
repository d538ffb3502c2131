#include "net/port_owner.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

namespace clasp::net {

namespace {

namespace fs = std::filesystem;
constexpr std::string_view listening = "0A";  // TCP_LISTEN in the column `st`

// Inodes of the sockets that listen on the port: "sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode".
void collect_inodes(const char* table, std::uint16_t port, std::vector<std::string>& inodes) {
  const std::string suffix = fmt::format(":{:04X}", port);
  std::ifstream file{table};
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream words{line};
    std::string slot, local, remote, state, queues, timer, retransmits, user, timeout, inode;
    words >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
    if (state == listening && local.ends_with(suffix)) inodes.push_back(inode);
  }
}

std::string process_name(const fs::path& process) {
  std::ifstream file{process / "comm"};
  std::string name;
  std::getline(file, name);
  return name;
}

bool holds_one_of(const fs::path& process, const std::vector<std::string>& links) {
  std::error_code error;
  for (fs::directory_iterator at{process / "fd", error}, end; !error && at != end; at.increment(error)) {
    std::error_code unreadable;
    const std::string target = fs::read_symlink(at->path(), unreadable).string();
    if (!unreadable && std::ranges::find(links, target) != links.end()) return true;
  }
  return false;
}

}  // namespace

std::optional<PortOwner> find_port_owner(std::uint16_t port) {
  std::vector<std::string> links;
  collect_inodes("/proc/net/tcp", port, links);
  collect_inodes("/proc/net/tcp6", port, links);
  for (std::string& inode : links) inode = fmt::format("socket:[{}]", inode);
  if (links.empty()) return std::nullopt;
  std::error_code error;
  for (fs::directory_iterator at{"/proc", error}, end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    int pid = 0;
    const auto [stop, failure] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (failure != std::errc{} || stop != name.data() + name.size()) continue;
    if (holds_one_of(at->path(), links)) return PortOwner{pid, process_name(at->path())};
  }
  return std::nullopt;
}

}  // namespace clasp::net
