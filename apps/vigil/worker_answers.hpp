#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "apps/edge/net/line_server.hpp"
#include "apps/vigil/control_server.hpp"

namespace vigil {

/// A worker of a server, as answers need it.
struct AskedWorker {
    ControlServer* control = nullptr;  ///< touched in its own thread alone
    std::function<void(std::function<void()>)> post;
};

/// What one answer of all workers is made of: asked in the thread that calls `next`, each worker in
/// its own. `owner` says whose a presentity is. All outlive the answers.
std::unique_ptr<edge::LineAnswer> answer_of_workers(
    std::span<const AskedWorker> workers, std::string_view request,
    const std::function<unsigned(std::string_view presentity)>& owner);

}  // namespace vigil
