// SPDX-License-Identifier: Apache-2.0
#include "plugins/flannel/apply.h"

#include <map>
#include <set>
#include <vector>

#include "libcni/attach/sandbox.h"
#include "libcni/base/failures.h"
#include "libcni/base/file.h"
#include "libcni/base/undo.h"
#include "libcni/plugin/delegate.h"
#include "libcni/plugin/request.h"
#include "plugins/flannel/conf.h"
#include "plugins/flannel/scratch.h"

namespace flannel {
namespace {

constexpr cni::DelegateRole kRole{.key = "delegate.type", .what = "delegate"};

/// The delegate's request: the configuration that ADD saved or would save, with the members that
/// the runtime adds for this verb. The version is that of prevResult.
cni::Request make_request(const cni::Request& request, const std::string& config) {
  const json::Object own = json::Object::parse(config, "delegate's configuration");
  std::map<std::string, std::string> members;
  for (const char* key : {"cniVersion", "prevResult", "cni.dev/valid-attachments"})
    if (request.config.has(key) && request.config.text_of(key) != own.text_of(key))
      members[key] = request.config.text_of(key);
  return cni::with_config(request, members.empty() ? config : own.text_with(members));
}

cni::Delegate delegate_of(const cni::Request& delegated) {
  return {delegated, delegated.config.get_string("type"), kRole};
}

/// Returns whether ADD saved a configuration with a type.
bool is_usable(const std::optional<Scratch::Saved>& saved) {
  return saved && !json::Object::parse(saved->text, saved->path).get_string("type").empty();
}

}  // namespace

cni::Result add(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  const auto node = read_subnet_file(conf, cni::Code::try_again_later);
  const std::string config = make_delegate_config(request, conf, node);
  const cni::Request delegated = cni::with_config(request, config);
  // Before the delegate runs, so that DEL finds it whenever this process is killed.
  const Scratch::Written file = Scratch(conf.data_dir, request).write(config);
  base::Undo undo;
  undo.add("undo " + file.path, file.undo);
  cni::Result result = delegate_of(delegated).add();
  undo.commit();
  return result;
}

void remove(const cni::Request& request) {
  const Conf conf = parse_conf_for_removal(request);
  const auto saved = Scratch(conf.data_dir, request).find();
  const bool usable = is_usable(saved);
  const cni::Request delegated = make_request(
      request, usable ? saved->text : make_delegate_config(request, conf, std::nullopt));
  const cni::Delegate delegate = delegate_of(delegated);
  // Without what ADD saved there may be nothing to remove, and the configuration may have changed.
  if (usable || delegate.is_present()) delegate.run(cni::Verb::del);
  if (saved) base::remove_file(saved->path);
}

void verify(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  const auto saved = Scratch(conf.data_dir, request).find();
  if (!is_usable(saved))
    attach::differs("file " + conf.data_dir + "/" + request.container_id + ", or the same with :" +
                    request.ifname + ", with the delegate's configuration is missing or damaged");
  const cni::Request delegated = make_request(request, saved->text);
  delegate_of(delegated).run(cni::Verb::check);
}

void collect_garbage(const cni::Request& request) {
  const Conf conf = parse_conf_for_removal(request);
  const Scratch scratch(conf.data_dir, request);
  const std::vector<Scratch::Saved> stale = scratch.find_stale();
  // The delegate and its folders may have been others when the attachments were made.
  std::set<std::string> configs{make_delegate_config(request, conf, std::nullopt)};
  for (const Scratch::Saved& saved : stale)
    if (is_usable(saved)) configs.insert(saved.text);
  base::Failures failures;
  bool collected = true;
  for (const std::string& config : configs)
    collected = failures.attempt([&] {
      const cni::Request delegated = make_request(request, config);
      delegate_of(delegated).run(cni::Verb::gc);
    }) && collected;
  // As long as the delegate's objects are there, DEL needs the files.
  for (const Scratch::Saved& saved : stale)
    if (collected) failures.attempt([&] { base::remove_file(saved.path); });
  failures.attempt([&] { scratch.remove_temporary_files(); });
  failures.report();
}

void report_status(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  const auto node = read_subnet_file(conf, cni::Code::not_available);
  const cni::Request delegated = make_request(request, make_delegate_config(request, conf, node));
  delegate_of(delegated).run(cni::Verb::status);
}

void require_usable(const cni::Request& request) {
  const Conf conf = parse_conf(request);
  const cni::Request delegated =
      cni::with_config(request, make_delegate_config(request, conf, std::nullopt));
  const std::string type = delegate_of(delegated).type();
  for (const cni::InProcessDelegate& own : cni::used_plugins())
    if (own.type == type) own.plugin().parse(delegated);
}

}  // namespace flannel
