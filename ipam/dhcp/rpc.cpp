// SPDX-License-Identifier: Apache-2.0
#include "ipam/dhcp/rpc.h"

#include <bit>
#include <span>

#include "libcni/json/object.h"
#include "libcni/spec/error.h"

namespace ipam_dhcp {
namespace {

constexpr std::size_t kMostInGreeting = 4096;
// The types of a stream, in the order in which they are defined.
constexpr std::int64_t kHeader = gob::kFirstOwn, kBody = 65, kInterface = 66, kInterfaces = 67,
                       kIp = 68, kNet = 69, kIps = 70, kRoute = 71, kRoutes = 72, kDns = 73,
                       kStrings = 74;

std::string encode_address(const base::IpAddress& address) {
  const auto bytes = address.bytes();
  return {bytes.begin(), bytes.end()};
}

std::string mask_of(const base::Prefix& prefix) {
  const std::string all(static_cast<std::size_t>(prefix.address.bits() / 8), '\xff');
  const auto ones =
      base::IpAddress::from_bytes({reinterpret_cast<const std::uint8_t*>(all.data()), all.size()});
  return encode_address(ones->masked(prefix.length));
}

std::string encode_net(const base::Prefix& prefix) {
  return gob::StructWriter().text(0, encode_address(prefix.address)).text(1, mask_of(prefix)).end();
}

std::string encode_ip(const cni::IpConfig& ip) {
  gob::StructWriter writer;
  writer.raw(1, encode_net(ip.address));
  if (ip.gateway) writer.text(2, encode_address(*ip.gateway));
  return writer.end();
}

std::string encode_route(const cni::Route& route) {
  gob::StructWriter writer;
  writer.raw(0, encode_net(route.dst));
  if (route.gateway) writer.text(1, encode_address(*route.gateway));
  writer.number(4, static_cast<std::int64_t>(route.priority));
  if (route.scope) writer.pointed(6, static_cast<std::int64_t>(*route.scope));
  return writer.end();
}

std::string encode_result(const cni::Result& result) {
  std::vector<std::string> ips;
  std::vector<std::string> routes;
  for (const cni::IpConfig& each : result.ips) ips.push_back(encode_ip(each));
  for (const cni::Route& each : result.routes) routes.push_back(encode_route(each));
  gob::StructWriter writer;
  if (!ips.empty()) writer.raw(2, gob::encode_list(ips));
  if (!routes.empty()) writer.raw(3, gob::encode_list(routes));
  return writer.raw(4, std::string(1, '\0')).end();
}

std::string define_result() {
  using namespace gob;
  return define_struct(kBody, "Result",
                       {{"CNIVersion", kString},
                        {"Interfaces", kInterfaces},
                        {"IPs", kIps},
                        {"Routes", kRoutes},
                        {"DNS", kDns}}) +
         define_list(kInterfaces, "[]*types100.Interface", kInterface) +
         define_struct(kInterface, "Interface",
                       {{"Name", kString}, {"Mac", kString}, {"Sandbox", kString}}) +
         define_list(kIps, "[]*types100.IPConfig", kIp) +
         define_struct(kIp, "IPConfig",
                       {{"Interface", kInt}, {"Address", kNet}, {"Gateway", kBytes}}) +
         define_struct(kNet, "IPNet", {{"IP", kBytes}, {"Mask", kBytes}}) +
         define_list(kRoutes, "[]*types.Route", kRoute) +
         define_struct(kRoute, "Route",
                       {{"Dst", kNet},
                        {"GW", kBytes},
                        {"MTU", kInt},
                        {"AdvMSS", kInt},
                        {"Priority", kInt},
                        {"Table", kInt},
                        {"Scope", kInt}}) +
         define_struct(kDns, "DNS",
                       {{"Nameservers", kStrings},
                        {"Domain", kString},
                        {"Search", kStrings},
                        {"Options", kStrings}}) +
         define_list(kStrings, "[]string", kString);
}

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

base::IpAddress read_address(const gob::Value& value) {
  if (const auto address = base::IpAddress::from_bytes(bytes_of(value.text))) return *address;
  throw cni::Error(cni::Code::decoding_failure, "the DHCP daemon sent an address of " +
                                                    std::to_string(value.text.size()) +
                                                    " bytes instead of 4 or 16");
}

std::optional<base::IpAddress> find_address(const gob::Value& value) {
  if (value.text.empty()) return std::nullopt;
  return read_address(value);
}

base::Prefix read_net(const gob::Value& value) {
  base::Prefix prefix{.address = read_address(value.at("IP")), .length = 0};
  for (const char byte : value.at("Mask").text)
    prefix.length += std::popcount(static_cast<std::uint8_t>(byte));
  if (prefix.address.is_v4() && prefix.length > 32) prefix.length -= 96;  // a mask of 16 bytes
  return prefix;
}

cni::Route read_route(const gob::Value& value) {
  const auto number = [&](const char* field) {
    return static_cast<std::uint64_t>(value.at(field).number);
  };
  cni::Route route{.dst = read_net(value.at("Dst")),
                   .gateway = find_address(value.at("GW")),
                   .mtu = number("MTU"),
                   .advmss = number("AdvMSS"),
                   .priority = number("Priority")};
  if (value.fields.contains("Table")) route.table = number("Table");
  if (value.fields.contains("Scope")) route.scope = number("Scope");
  return route;
}

std::vector<std::string> read_texts(const gob::Value& value) {
  std::vector<std::string> texts;
  for (const gob::Value& each : value.list) texts.push_back(each.text);
  return texts;
}

cni::Result read_result(const gob::Value& value) {
  cni::Result result;
  for (const gob::Value& each : value.at("IPs").list)
    result.ips.push_back(
        {.address = read_net(each.at("Address")), .gateway = find_address(each.at("Gateway"))});
  for (const gob::Value& each : value.at("Routes").list) result.routes.push_back(read_route(each));
  const gob::Value& dns = value.at("DNS");
  result.dns = {.nameservers = read_texts(dns.at("Nameservers")),
                .domain = dns.at("Domain").text,
                .search = read_texts(dns.at("Search")),
                .options = read_texts(dns.at("Options"))};
  return result;
}

}  // namespace

std::string encode_connect() {
  return "CONNECT /_goRPC_ HTTP/1.0\n\n";
}

std::string encode(const Call& call) {
  using namespace gob;
  return define_struct(kHeader, "Request", {{"ServiceMethod", kString}, {"Seq", kUint}}) +
         message(kHeader, StructWriter().text(0, call.method).end()) +
         define_struct(kBody, "CmdArgs",
                       {{"ContainerID", kString},
                        {"Netns", kString},
                        {"IfName", kString},
                        {"Args", kString},
                        {"Path", kString},
                        {"NetnsOverride", kString},
                        {"StdinData", kBytes}}) +
         message(kBody, StructWriter()
                            .text(0, call.container_id)
                            .text(1, call.netns)
                            .text(2, call.ifname)
                            .text(3, call.args)
                            .text(4, call.path)
                            .text(6, call.stdin_text)
                            .end());
}

std::string encode_greeting() {
  return "HTTP/1.0 200 Connected to Go RPC\n\n";
}

std::string encode(const Call& call, const Reply& reply) {
  using namespace gob;
  StructWriter header;
  header.text(0, call.method);
  // Seq is unsigned: its encoding is half of the signed one.
  if (call.sequence != 0 && call.sequence < 128)
    header.raw(1, std::string(1, static_cast<char>(call.sequence)));
  header.text(2, reply.error);
  const std::string start =
      define_struct(kHeader, "Response",
                    {{"ServiceMethod", kString}, {"Seq", kUint}, {"Error", kString}}) +
      message(kHeader, header.end());
  if (reply.error.empty() && call.method == kAllocate)
    return start + define_result() + message(kBody, encode_result(reply.result));
  return start + define_struct(kBody, "", {}) + message(kBody, StructWriter().end());
}

void RpcReader::feed(std::string_view bytes) {
  if (greeted_) return decoder_.feed(bytes);
  http_ += bytes;
  auto end = http_.find("\n\n");
  std::size_t length = 2;
  if (const auto other = http_.find("\r\n\r\n"); other < end) end = other, length = 4;
  if (end == std::string::npos) {
    if (http_.size() > kMostInGreeting)
      throw cni::Error(cni::Code::decoding_failure,
                       "the HTTP header on the DHCP socket is too long",
                       "at most 4096 bytes are read");
    return;
  }
  if (!http_.starts_with("CONNECT /_goRPC_ ") && !http_.starts_with("HTTP/1.0 200"))
    throw cni::Error(cni::Code::decoding_failure,
                     "the DHCP socket does not speak Go's net/rpc: " + json::excerpt(http_));
  greeted_ = true;
  decoder_.feed(std::string_view(http_).substr(end + length));
}

std::optional<RpcReader::Message> RpcReader::find_message() {
  if (!greeted_) return std::nullopt;
  if (!header_) header_ = decoder_.next();
  if (!header_) return std::nullopt;
  auto body = decoder_.next();
  if (!body) return std::nullopt;
  Message message{std::move(*header_), std::move(*body)};
  header_.reset();
  return message;
}

std::optional<Call> RpcReader::find_call() {
  const auto message = find_message();
  if (!message) return std::nullopt;
  const gob::Value& body = message->body;
  return Call{.method = message->header.at("ServiceMethod").text,
              .container_id = body.at("ContainerID").text,
              .netns = body.at("Netns").text,
              .ifname = body.at("IfName").text,
              .args = body.at("Args").text,
              .path = body.at("Path").text,
              .stdin_text = body.at("StdinData").text,
              .sequence = message->header.at("Seq").number};
}

std::optional<Reply> RpcReader::find_reply() {
  const auto message = find_message();
  if (!message) return std::nullopt;
  return Reply{.error = message->header.at("Error").text, .result = read_result(message->body)};
}

}  // namespace ipam_dhcp
