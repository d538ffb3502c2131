#include "mqtt/shared_groups.hpp"

#include <algorithm>

#include "mqtt/session.hpp"

namespace clasp::mqtt {

SharedGroup& SharedGroups::join(std::string_view name, std::string_view filter, Session& session) {
  std::string key = std::string(name) + '/' + std::string(filter);
  std::unique_ptr<SharedGroup>& group = groups_[key];
  if (!group) {
    group = std::make_unique<SharedGroup>();
    group->key = std::move(key);
    group->filter = filter;
    group->number = ++number_;
    by_number_.emplace(group->number, group.get());
  }
  group->members.push_back({.session = &session});
  return *group;
}

void SharedGroups::set_terms(SharedGroup& group, const Session& session, Qos qos, std::uint32_t identifier) {
  const auto at = std::ranges::find(group.members, &session, &SharedGroup::Member::session);
  at->qos = qos;
  at->identifier = identifier;
}

void SharedGroups::leave(SharedGroup& group, const Session& session) {
  std::erase_if(group.members, [&session](const SharedGroup::Member& member) { return member.session == &session; });
  if (!group.members.empty()) return;
  by_number_.erase(group.number);
  groups_.erase(std::string(group.key));
}

SharedGroup* SharedGroups::find(std::uint32_t number) {
  const auto at = by_number_.find(number);
  return at == by_number_.end() ? nullptr : at->second;
}

const SharedGroup::Member* SharedGroups::choose(SharedGroup& group) {
  const std::size_t count = group.members.size();
  if (count == 0) return nullptr;
  for (std::size_t tried = 0; tried < count; ++tried) {
    const SharedGroup::Member& member = group.members[group.next++ % count];
    if (member.session->is_attached()) return &member;
  }
  return &group.members[group.next++ % count];
}

}  // namespace clasp::mqtt
