// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/loop/loop.h"
#include "libcni/base/unique_fd.h"

namespace agent::bird {

/// BIRD's answer to one command: lines with four-digit codes (BIRD 2 programmer's guide,
/// "Command line interface"). 0xxx success, 1xxx and 2xxx tables, 8xxx and 9xxx failure.
struct Reply {
  struct Line {
    int code = 0;
    std::string text = {};
  };
  std::vector<Line> lines = {};
  int code() const { return lines.empty() ? 0 : lines.back().code; }
  bool ok() const { return !lines.empty() && code() < 8000; }
  std::string text() const { return lines.empty() ? "" : lines.back().text; }
};

/// A client of BIRD's control socket on the loop. Commands run one after another. A connection that
/// fails, or that is silent for 10 s, is opened again; attempts are a second apart.
class Control {
 public:
  using Answer = std::function<void(const Reply&)>;
  using Wanted = bool (*)(const Reply::Line&);

  /// `on_change` runs when BIRD has greeted, and after each attempt or connection that failed.
  Control(Loop& loop, std::string path, std::function<void()> on_change);
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;
  ~Control();

  void start();
  bool up() const { return up_; }
  bool connecting() const { return socket_ && !up_; }
  /// Why the connection is not up, such as `connect to "/run/plumb/bird.ctl": No such file or
  /// directory`.
  const std::string& problem() const { return problem_; }
  /// Sends a command. When the connection is lost before the answer, the reply has no lines and is
  /// not ok(). With `wanted`, only lines for which it is true and the last line are kept. An answer
  /// of more than 64 MiB, or of more than 16 MiB of kept lines, ends the connection.
  void command(std::string text, Answer answer, Wanted wanted = nullptr);

 private:
  struct Command {
    std::string text;
    Answer answer;
    Wanted wanted;
  };
  void connect();
  void drop(std::string problem);
  void send();
  void receive();
  void take_line(std::string_view line);
  void clear_reply();
  void finish();
  void expect_answer();

  Loop& loop_;
  std::string path_;
  std::function<void()> on_change_;
  base::UniqueFd socket_;
  bool up_ = false;
  std::string problem_ = "not connected yet";
  std::string input_;
  Reply reply_;
  std::size_t read_ = 0, kept_ = 0;  ///< bytes of the reply so far
  int code_ = 0;                     ///< of the last line that had one
  std::deque<Command> commands_;     ///< the first one is with BIRD
  Loop::TimerId reconnect_ = 0, deadline_ = 0;
};

}  // namespace agent::bird
