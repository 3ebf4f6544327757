// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "libcni/runtime/chain.h"
#include "libcni/runtime/cni.h"

namespace runtime {
namespace {

cni::Attachment attachment_of(const CacheEntry& entry) {
  return {entry.conf.container_id, entry.conf.ifname};
}

bool is_valid(const CacheEntry& entry, const std::optional<GcArgs>& args) {
  if (!args || !args->valid.list) return false;
  if (args->forget_earlier_boots && entry.from_earlier_boot()) return false;
  return std::ranges::find(*args->valid.list, attachment_of(entry)) != args->valid.list->end();
}

GcFailure failure_of(const std::exception& error) {
  GcFailure failure{.text = error.what()};
  const auto* typed = dynamic_cast<const cni::Error*>(&error);
  failure.code = static_cast<unsigned>(typed ? typed->code() : cni::Code::internal);
  if (const auto* plugin = dynamic_cast<const PluginError*>(&error))
    failure.plugin = plugin->call().type;
  return failure;
}

}  // namespace

std::vector<CacheEntry> Cni::stale_attachments(const NetworkList& list,
                                               const std::optional<GcArgs>& args) const {
  auto entries = cache().list();
  std::erase_if(entries, [&](const CacheEntry& entry) {
    return entry.network != list.name || is_valid(entry, args);
  });
  return entries;
}

void Cni::require_owned(const NetworkList& list) const {
  if (options_.owner.empty() || options_.force) return;
  for (const CacheEntry& entry : cache().list())
    if (entry.network == list.name && entry.owner == options_.owner) return;
  throw NotOwner(cni::Code::invalid_config,
                 "\"" + options_.owner + "\" has attached nothing to network \"" + list.name +
                     "\"; GC would delete the attachments of other runtimes",
                 "force it, or set disableGC if several runtimes share the network");
}

GcReport Cni::gc(const NetworkList& given, const std::optional<GcArgs>& args) const {
  GcReport report;
  report.disabled = given.disable_gc;
  if (report.disabled) return report;
  const NetworkList list = with_version(given);
  report.supported = list.supports_gc();
  std::optional<Lock> lock;
  if (options_.locking)
    lock.emplace(
        Lock::network(cache().dir(), list.name, Lock::Mode::exclusive, options_.lock_patience));
  require_owned(list);
  const Deadline deadline = Deadline::after(options_.timeout);
  for (const CacheEntry& entry : stale_attachments(list, args)) {
    try {
      std::optional<Lock> container;
      if (options_.locking)
        container.emplace(
            Lock::container(cache().dir(), entry.conf.container_id, options_.lock_patience));
      const DelReport deleted = del_known(list, entry.conf, deadline);
      report.deleted.push_back(attachment_of(entry));
      report.warnings.insert(report.warnings.end(), deleted.warnings.begin(),
                             deleted.warnings.end());
    } catch (const std::exception& error) {
      report.failures.push_back(failure_of(error));
      report.failures.back().attachment = attachment_of(entry);
      if (args && args->forget_earlier_boots && entry.from_earlier_boot())
        cache().remove(list.name, entry.conf);
    }
  }
  const Chain chain(options_, executor_, list, deadline);
  std::optional<ValidAttachments> valid;
  if (args) valid = args->valid;
  for (const PluginConf& plugin : list.plugins) {
    if (!report.supported) break;
    try {
      chain.gc(plugin, valid);
      report.collected.push_back(plugin.type);
    } catch (const std::exception& error) {
      report.failures.push_back(failure_of(error));
      report.failures.back().plugin = plugin.type;
    }
  }
  return report;
}

std::string GcReport::error_text() const {
  std::string text;
  for (const GcFailure& failure : failures) {
    if (!text.empty()) text += '\n';
    if (failure.attachment)
      text += "failed to delete attachment " + failure.attachment->container_id + " " +
              failure.attachment->ifname + ": ";
    text += failure.text;
  }
  return text;
}

}  // namespace runtime
