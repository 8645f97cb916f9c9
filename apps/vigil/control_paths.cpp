#include "apps/vigil/control_paths.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include "apps/edge/net/local_socket.hpp"
#include "apps/vigil/text.hpp"

namespace vigil {

namespace {

using edge::failure;
using edge::Outcome;

constexpr std::string_view suffix = ".control";

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string{} : std::string(value);
}

/// The best first. RUNTIME_DIRECTORY is what systemd gives a service with RuntimeDirectory=.
std::vector<std::string> folders(bool to_look) {
    std::vector<std::string> found;
    const std::string service = environment("RUNTIME_DIRECTORY");
    if (!service.empty()) found.push_back(service.substr(0, service.find(':')));
    if (const std::string user = environment("XDG_RUNTIME_DIR"); !user.empty())
        found.push_back(user + "/vigil");
    if (to_look || ::geteuid() == 0) found.emplace_back("/run/vigil");
    found.push_back("/tmp/vigil-" + std::to_string(::geteuid()));
    return found;
}

/// Why nothing in it can be trusted: anybody may have put it there; empty: it can.
std::string why_not_ours(const std::string& folder) {
    struct stat found {};
    if (::lstat(folder.c_str(), &found) != 0) return std::strerror(errno);
    if (!S_ISDIR(found.st_mode)) return "it is no folder";
    if (found.st_uid != ::geteuid() && found.st_uid != 0) return "it is another user's";
    if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0) return "others may write to it";
    return {};
}

/// What those of one folder came to.
struct Search {
    std::vector<ControlConnection> live;
    std::vector<std::string> forbidden;
};

void look_into(const std::string& folder, Search& search) {
    struct stat found {};
    if (::lstat(folder.c_str(), &found) != 0) return;
    // A folder below /tmp may be anybody's, and so may be who listens there.
    if (folder.starts_with("/tmp/") && !why_not_ours(folder).empty()) return;
    std::error_code error;
    std::filesystem::directory_iterator at(folder, error), end;
    if (error) {
        search.forbidden.push_back(folder);
        return;
    }
    std::vector<std::string> paths;
    for (; !error && at != end; at.increment(error))
        if (std::string path = at->path().string(); path.ends_with(suffix))
            paths.push_back(std::move(path));
    std::sort(paths.begin(), paths.end());
    for (const std::string& path : paths) {
        auto connected = edge::connect_local(path);
        if (connected)
            search.live.push_back({path, std::move(*connected)});
        else if (connected.error() == EACCES || connected.error() == EPERM)
            search.forbidden.push_back(path);
    }
}

constexpr std::string_view who_may = "its owner and root alone may ask a server; use sudo";

Outcome<ControlConnection> connect_to(const std::string& path) {
    auto connected = edge::connect_local(path);
    if (connected) return ControlConnection{path, std::move(*connected)};
    const std::string begin = "cannot ask the server at " + escape(path) + ": ";
    switch (connected.error()) {
        case ENOENT:
        case ENOTDIR: return failure(begin + "there is no such socket; is the server running?");
        case ECONNREFUSED:
            return failure(begin + "nobody listens there any more; start the server again");
        case EACCES:
        case EPERM: return failure(begin + "no permission; " + std::string(who_may));
        case EAGAIN: return failure(begin + "too many ask at this moment; try again");
        case ENAMETOOLONG: return failure(begin + "the path is too long for a socket");
        default: return failure(begin + std::strerror(connected.error()));
    }
}

}  // namespace

Outcome<std::string> default_control_path(std::string_view listener) {
    std::string error;
    for (const std::string& folder : folders(false)) {
        std::string why;
        if (::mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST) why = std::strerror(errno);
        if (why.empty()) why = why_not_ours(folder);
        if (why.empty()) {
            edge::remove_dead_sockets(folder, suffix);
            return folder + "/" + std::string(listener) + std::string(suffix);
        }
        error += (error.empty() ? "" : ", ") + escape(folder) + ": " + why;
    }
    return failure("there is no folder to put it into (" + error + ")");
}

Outcome<ControlConnection> connect_control(const std::string& path) {
    if (!path.empty()) return connect_to(path);
    Search search;
    for (const std::string& folder : folders(true)) look_into(folder, search);
    if (search.live.size() == 1) return std::move(search.live.front());
    if (search.live.size() > 1) {
        std::string all;
        for (const ControlConnection& each : search.live)
            all += (all.empty() ? "" : ", ") + escape(each.path);
        return failure(std::to_string(search.live.size()) +
                       " servers run here; say which one with --control: " + all);
    }
    if (!search.forbidden.empty())
        return failure("no permission for " + escape(search.forbidden.front()) + "; " +
                       std::string(who_may));
    return failure(
        "no server runs here that could be asked; start one with vigil serve, or give --control "
        "PATH as that server was given");
}

}  // namespace vigil
