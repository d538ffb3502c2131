#include "bridge/router_link.hpp"

#include "core/check.hpp"

namespace clasp::bridge {

void RouterLink::write(const Message&, PeerTag, LinkTicket) { CLASP_CHECK(false); }
void RouterLink::get(std::string_view, LinkTicket) { CLASP_CHECK(false); }
void RouterLink::subscribe(const std::string&) { CLASP_CHECK(false); }
void RouterLink::unsubscribe(const std::string&) { CLASP_CHECK(false); }

}  // namespace clasp::bridge
