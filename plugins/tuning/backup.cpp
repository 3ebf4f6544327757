// SPDX-License-Identifier: Apache-2.0
#include "plugins/tuning/backup.h"

#include <climits>

#include "libcni/base/names.h"
#include "libcni/json/object.h"
#include "libcni/json/writer.h"

namespace tuning {

std::string backup_name(const cni::Attachment& attachment) {
  const std::string owner = attachment.container_id + "_" + attachment.ifname;
  const std::string name = owner + ".json";
  return name.size() <= NAME_MAX ? name : base::sha512_hex(owner) + ".json";
}

std::string print_backup(const net::LinkSettings& before) {
  const auto text_of = [](bool value) { return value ? "true" : "false"; };
  json::Writer writer(1);
  writer.open('{');
  if (before.mac) writer.member("mac", before.mac->text());
  if (before.promisc) writer.raw_member("promisc", text_of(*before.promisc));
  if (before.mtu) writer.member("mtu", std::int64_t{*before.mtu});
  if (before.allmulti) writer.raw_member("allmulti", text_of(*before.allmulti));
  if (before.tx_queue_length) writer.member("txQLen", std::int64_t{*before.tx_queue_length});
  writer.close();
  return writer.text();
}

std::optional<net::LinkSettings> parse_backup(const std::string& text) try {
  const json::Object object = json::Object::parse(text, "backup file");
  net::LinkSettings before;
  before.mac = base::Mac::parse(object.get_string("mac"));
  before.promisc = object.find_bool("promisc");
  // No link has such an MTU: the reference leaves out what is 0.
  if (const auto mtu = object.find_int("mtu"); mtu && *mtu > 0 && *mtu <= INT_MAX)
    before.mtu = static_cast<int>(*mtu);
  before.allmulti = object.find_bool("allmulti");
  if (const auto length = object.find_uint("txQLen"); length && *length <= UINT32_MAX)
    before.tx_queue_length = static_cast<std::uint32_t>(*length);
  return before;
} catch (const cni::Error&) {
  return std::nullopt;
}

}  // namespace tuning
