// The token a client has to bring, if the operator wants one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace clasp::bridge::web {

// How long it takes does not tell where the two differ.
inline bool same_token(std::string_view given, std::string_view right) {
  unsigned different = given.size() == right.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i)
    different |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(right.empty() ? 0 : right[i % right.size()]);
  return different == 0;
}

// "Bearer x" → "x"; empty if it is something else.
inline std::string_view bearer_token(std::string_view authorization) {
  constexpr std::string_view scheme = "Bearer ";
  return authorization.size() > scheme.size() && (authorization.starts_with(scheme) || authorization.starts_with("bearer "))
             ? authorization.substr(scheme.size())
             : std::string_view{};
}

}  // namespace clasp::bridge::web
