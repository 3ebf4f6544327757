// SPDX-License-Identifier: Apache-2.0
#include "plugins/flannel/apply.h"

#include <map>

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

/// The delegate's request: what ADD saved or would save, with what the runtime adds for this verb.
cni::Request make_request(const cni::Request& request, const std::string& config) {
  std::map<std::string, std::string> members;
  for (const char* key : {"prevResult", "cni.dev/valid-attachments"})
    if (request.config.has(key)) members[key] = request.config.text_of(key);
  return cni::with_config(
      request, members.empty()
                   ? config
                   : json::Object::parse(config, "delegate's configuration").text_with(members));
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
  const std::string path = Scratch(conf.data_dir, request).write(config);
  base::Undo undo;
  undo.add("remove " + path, [&] { base::remove_file(path); });
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
    attach::differs("file " + conf.data_dir + "/" + request.container_id +
                    " with the delegate's configuration is missing or damaged");
  const cni::Request delegated = make_request(request, saved->text);
  delegate_of(delegated).run(cni::Verb::check);
}

void collect_garbage(const cni::Request& request) {
  const Conf conf = parse_conf_for_removal(request);
  const Scratch scratch(conf.data_dir, request);
  const cni::Request delegated =
      make_request(request, make_delegate_config(request, conf, std::nullopt));
  delegate_of(delegated).run(cni::Verb::gc);
  // Only now: as long as the delegate's objects are there, DEL needs the files.
  base::Failures failures;
  for (const std::string& path : scratch.find_stale())
    failures.attempt([&] { base::remove_file(path); });
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
