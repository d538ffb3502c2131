// The OpenAPI 3.1 document of the routes.
#pragma once

#include <string>

#include "http_api/api_config.hpp"

namespace clasp::http_api {

std::string openapi_document(const HttpApiConfig& config);

}  // namespace clasp::http_api
