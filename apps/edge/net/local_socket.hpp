#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "apps/edge/net/descriptor.hpp"
#include "apps/edge/net/outcome.hpp"

namespace edge {

/// A Unix stream socket with a name in the file system, bound and listening. Only its owner, and
/// root, may connect to it (mode 0600, from its first instant on). The name goes with it.
class LocalSocket {
public:
    /// A name that a dead process left is taken over; one that somebody listens behind, and a file
    /// that is no socket, are an error.
    static Outcome<LocalSocket> bind(const std::string& path);
    LocalSocket(LocalSocket&& other) noexcept;
    LocalSocket& operator=(LocalSocket&& other) noexcept;
    ~LocalSocket();

    const std::string& path() const { return path_; }
    /// The descriptor, for who serves it; the name stays this object's.
    Descriptor take() { return std::move(fd_); }

private:
    LocalSocket(std::string path, Descriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}

    std::string path_;  ///< empty: none of ours
    Descriptor fd_;
    std::uint64_t device_ = 0, inode_ = 0;  ///< of the name, which may have become somebody else's
};

/// Removes the sockets of `folder` whose names end with `suffix` and that dead processes left. Only
/// for a folder that nobody else can write to.
void remove_dead_sockets(const std::string& folder, std::string_view suffix);

/// A connection to the one that listens behind `path`, not blocking; or errno.
tl::expected<Descriptor, int> connect_local(const std::string& path);

}  // namespace edge
