#include "http_api/openapi.hpp"

#include <nlohmann/json.hpp>

#include <cctype>
#include <utility>

#include "core/address.hpp"
#include "http_api/endpoints.hpp"
#include "http_api/route.hpp"

namespace clasp::http_api {

namespace {

using Json = nlohmann::ordered_json;

// Names of the components as Route rows use them.
constexpr std::string_view schemas = R"json({
  "Any": {"description": "Any JSON: a number, a text, an array, an object …  {\"$bytes\":\"<base64>\"} stands for bytes; answers show bytes as an array of numbers."},
  "Patch": {"description": "Members to change, null for those to remove; what is no object replaces the value.", "anyOf": [
    {"type": ["number", "string", "boolean", "null", "array"]},
    {"type": "object", "additionalProperties": {"type": ["number", "string", "boolean", "null"]}}]},
  "Error": {"type": "object", "required": ["error", "code"], "properties": {
    "error": {"type": "string", "description": "What was wrong, and where."},
    "code": {"type": "integer", "description": "The router's number for it."},
    "field": {"type": "string", "description": "The part of the request that it is about."},
    "address": {"type": "string"}}},
  "Value": {"description": "The value itself, or {\"value\": …, \"ttl\"?: seconds}.", "anyOf": [
    {"type": ["number", "string", "boolean", "null", "array"]},
    {"type": "object", "required": ["value"], "additionalProperties": false, "properties": {
      "value": {"type": ["number", "string", "boolean", "null"]}, "ttl": {"type": "integer", "minimum": 1, "maximum": 2147483647}}}]},
  "Event": {"description": "The value itself, or {\"value\": …}, or nothing.", "anyOf": [
    {"type": ["number", "string", "boolean", "null", "array"]},
    {"type": "object", "required": ["value"], "additionalProperties": false, "properties": {"value": {"type": ["number", "string", "boolean", "null"]}}}]},
  "State": {"type": "object", "required": ["address", "value", "revision"], "properties": {
    "address": {"type": "string"}, "value": {}, "revision": {"type": "integer"}, "timestamp": {"type": "string", "format": "date-time"}}},
  "Written": {"type": "object", "required": ["address", "value"], "properties": {
    "success": {"const": true}, "address": {"type": "string"}, "value": {}, "revision": {"type": "integer"}}},
  "Deleted": {"type": "object", "required": ["address", "status"], "properties": {"success": {"const": true}, "address": {"type": "string"}, "status": {"const": "deleted"}}},
  "Emitted": {"type": "object", "required": ["address", "status"], "properties": {"success": {"const": true}, "address": {"type": "string"}, "status": {"const": "emitted"}}},
  "Values": {"type": "object", "additionalProperties": true},
  "Addresses": {"type": "object", "required": ["addresses"], "properties": {"addresses": {"type": "array", "items": {"type": "string"}}, "next": {"type": "string"}}},
  "Signals": {"type": "object", "required": ["signals", "count"], "properties": {
    "signals": {"type": "array", "items": {"type": "object", "required": ["address", "value"], "properties": {"address": {"type": "string"}, "value": {}}}},
    "count": {"type": "integer"}, "next": {"type": "string"}}},
  "Bundle": {"type": "object", "required": ["operations"], "additionalProperties": false, "properties": {
    "operations": {"type": "array", "maxItems": 50, "items": {"oneOf": [
      {"type": "object", "required": ["set"], "additionalProperties": false, "properties": {"set": {"type": "array", "minItems": 2, "maxItems": 2,
        "prefixItems": [{"type": "string", "format": "clasp-address", "pattern": "^/?[^/*\\u0000-\\u001f\\u007f]+(/[^/*\\u0000-\\u001f\\u007f]+)*/?$", "maxLength": 255}, {"type": ["number", "string", "boolean"]}], "items": false}}},
      {"type": "object", "required": ["emit"], "additionalProperties": false, "properties": {"emit": {"type": "array", "minItems": 1, "maxItems": 2,
        "prefixItems": [{"type": "string", "format": "clasp-address", "pattern": "^/?[^/*\\u0000-\\u001f\\u007f]+(/[^/*\\u0000-\\u001f\\u007f]+)*/?$", "maxLength": 255}, {"type": ["number", "string", "boolean"]}], "items": false}}}]}},
    "timestamp": {"type": "integer", "minimum": 0, "description": "Microseconds since 1970; at most 24 hours ahead."}}},
  "Executed": {"type": "object", "required": ["success"], "properties": {"success": {"const": true}, "revision": {"type": "integer"}}},
  "Changes": {"type": "object", "required": ["changes", "events", "revision", "position"], "properties": {
    "changes": {"type": "array", "items": {"type": "object", "required": ["address", "value", "revision"]}},
    "events": {"type": "array", "items": {"type": "object", "required": ["address", "value"]}},
    "revision": {"type": "integer"}, "position": {"type": "string"}, "reset": {"const": true}, "more": {"const": true}}},
  "Health": {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}, "protocol": {"type": "string"}, "version": {"type": "string"}}},
  "Entries": {"type": "array", "items": {"type": "object", "required": ["seq", "timestamp", "author", "address", "signal_type", "value", "revision", "msg_type"], "properties": {
    "seq": {"type": "integer"}, "timestamp": {"type": "integer", "description": "Microseconds since 1970."}, "author": {"type": "string"}, "address": {"type": "string"},
    "signal_type": {"enum": ["param", "event", "stream", "gesture", "timeline"]}, "value": {}, "revision": {"type": ["integer", "null"]}, "msg_type": {"type": "integer"}}}},
  "Latest": {"type": "object", "required": ["seq"], "properties": {"seq": {"type": "integer"}}},
  "Snapshot": {"type": "array", "items": {"type": "object", "required": ["address", "value", "revision", "writer", "timestamp"]}},
  "Document": {"type": "object", "required": ["openapi"]},
  "ReferenceBody": {"type": "object", "required": ["value"], "properties": {"value": {"type": ["number", "string", "boolean"]}}},
  "ReferenceValue": {"type": "object", "required": ["address", "value"], "properties": {"address": {"type": "string"}, "value": {}, "status": {"enum": ["set", "published"]}}},
  "ReferenceDeleted": {"type": "object", "required": ["address", "status"], "properties": {"address": {"type": "string"}, "status": {"const": "deleted"}}},
  "ReferenceMissing": {"type": "object", "required": ["error", "address"], "properties": {"error": {"type": "string"}, "address": {"type": "string"}}}
})json";

// In both no empty segment but a last one, and no control characters.
constexpr std::string_view address_regex = R"(^/?[^/*\u0000-\u001f\u007f]+(/[^/*\u0000-\u001f\u007f]+)*/?$)";
constexpr std::string_view segment_regex = R"(^[^/*\u0000-\u001f\u007f]+$)";
constexpr std::string_view pattern_regex = R"(^/?[^/\u0000-\u001f\u007f]+(/[^/\u0000-\u001f\u007f]+)*/?$)";

Json schema_of(std::string_view name) { return {{"$ref", "#/components/schemas/" + std::string(name)}}; }

// The {parameter} at the end of a path: an address without its first slash, or a pattern.
Json path_parameter(std::string_view path) {
  const std::size_t brace = path.find('{');
  const std::string name(path.substr(brace + 1, path.size() - brace - 2));
  const bool is_pattern = name == "pattern" || name == "prefix";
  return {{"name", name},
          {"in", "path"},
          {"required", true},
          {"description",
           is_pattern ? "A pattern without its first slash: * within a segment, ** over any number of them." : "An address without its first slash."},
          {"schema",
           {{"type", "string"},
            {"format", is_pattern ? "clasp-pattern" : "clasp-address"},
            {"pattern", is_pattern ? pattern_regex : address_regex},
            {"minLength", 1},
            {"maxLength", 255}}}};
}

Json operation_of(const HttpApiConfig& config, const Route& route) {
  Json operation{{"operationId", route.id}, {"summary", route.text}};
  Json parameters = Json::array();
  const std::string path = full_path(config, route);
  if (path.ends_with('}')) parameters.push_back(path_parameter(path));
  for (const ParameterDoc& parameter : route.parameters) {
    parameters.push_back(
        {{"name", parameter.name}, {"in", parameter.in}, {"description", parameter.text}, {"schema", Json::parse(parameter.schema)}});
  }
  if (!parameters.empty()) operation["parameters"] = std::move(parameters);
  if (!route.body.empty()) {
    const char* type = route.method == "PATCH" ? "application/merge-patch+json" : "application/json";
    operation["requestBody"] = {{"required", route.body != "Event"}, {"content", {{type, {{"schema", schema_of(route.body)}}}}}};
  }
  Json& responses = operation["responses"];
  for (const AnswerDoc& answer : route.answers) {
    if (answer.status == 401 && config.token.empty()) continue;
    Json& response = responses[std::to_string(answer.status)];
    response["description"] = answer.text;
    if (!answer.schema.empty())
      response["content"][std::string(answer.type)]["schema"] = schema_of(answer.schema);
    else if (answer.type != "application/json")
      response["content"][std::string(answer.type)] = Json::object();
  }
  return operation;
}

// An endpoint does what a row of /v1 does, with names of its own in the path.
std::string add_endpoint(const HttpApiConfig& config, const EndpointConfig& endpoint, std::size_t number, Json& operation) {
  operation = operation_of(config, endpoint_route(endpoint.method));
  operation["operationId"] = "endpoint" + std::to_string(number);
  operation["summary"] = endpoint.text.empty() ? endpoint.method + " of " + endpoint.address : endpoint.text;
  Json parameters = Json::array();
  std::string path;
  for (SegmentCursor segments(endpoint.path); !segments.done();) {
    const std::string_view segment = segments.next();
    const bool is_name = segment.starts_with(':') || segment.starts_with('*');
    path += is_name ? "/{" + std::string(segment.substr(1)) + "}" : "/" + std::string(segment);
    if (!is_name) continue;
    const std::string_view regex = segment.starts_with('*') ? address_regex : segment_regex;
    parameters.push_back({{"name", segment.substr(1)},
                          {"in", "path"},
                          {"required", true},
                          {"schema", {{"type", "string"}, {"format", "clasp-segment"}, {"pattern", regex}, {"minLength", 1}, {"maxLength", 100}}}});
  }
  for (const Json& each : operation["parameters"]) {
    if (each["in"] != "path") parameters.push_back(each);
  }
  operation["parameters"] = std::move(parameters);
  return path;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

std::string openapi_document(const HttpApiConfig& config) {
  Json document{
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "CLASP"},
        {"version", "1"},
        {"description",
         "The state of a CLASP router: params have a value and a revision, events are told to whoever listens. All requests also answer HEAD where "
         "there is GET, and OPTIONS."}}},
      {"paths", Json::object()},
      {"components", {{"schemas", Json::parse(schemas)}}}};
  for (const Route& route : routes()) {
    if (is_served(config, route)) document["paths"][full_path(config, route)][lower(route.method)] = operation_of(config, route);
  }
  for (std::size_t i = 0; i < config.endpoints.size(); ++i) {
    Json operation;
    const std::string path = add_endpoint(config, config.endpoints[i], i + 1, operation);
    document["paths"][path][lower(config.endpoints[i].method)] = std::move(operation);
  }
  if (!config.token.empty()) {
    document["components"]["securitySchemes"]["token"] = {{"type", "http"}, {"scheme", "bearer"}};
    document["security"] = Json::array({{{"token", Json::array()}}});
  }
  return document.dump(1);
}

}  // namespace clasp::http_api
