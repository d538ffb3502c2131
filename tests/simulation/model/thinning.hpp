// maxRate and epsilon of one session's subscriptions (contract 10 and 11).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "frame.hpp"
#include "rules.hpp"

namespace clasp::simulation::model {

// One (subscription, address): what was delivered last.
struct LastDelivered {
  Us at = 0;
  std::optional<double> number;
};

struct SubscriptionOptions {
  std::optional<std::uint32_t> max_rate;
  std::optional<double> epsilon;
  bool thins() const { return max_rate || epsilon; }
};

class Thinner {  // of one subscription
 public:
  Thinner(SubscriptionOptions options, std::size_t slots_max) : options_(options), slots_max_(slots_max) {}

  enum class Verdict : std::uint8_t { wants, waits, ignores };
  Verdict judge(const std::string& key, std::optional<double> number, Us now, Us& when) const;
  void delivered(const std::string& key, std::optional<double> number, Us now);

 private:
  SubscriptionOptions options_;
  std::size_t slots_max_;
  std::map<std::string, LastDelivered> last_;
};

// A value that waits for its time; the newest of its address.
struct Held {
  std::string address;
  std::optional<PublishFields> message;  // absent: the param of that address, as it is then
  Us due = 0;
  std::uint64_t order = 0;
};

class HeldValues {  // of one session
 public:
  void hold(const std::string& key, Held held);
  void release(const std::string& key) { held_.erase(key); }
  std::optional<std::pair<std::string, Held>> pop_due(Us now);
  std::optional<Us> next() const;

 private:
  std::map<std::string, Held> held_;
  std::uint64_t order_ = 0;
};

}  // namespace clasp::simulation::model
