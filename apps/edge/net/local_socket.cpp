#include "apps/edge/net/local_socket.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

namespace edge {

namespace {

constexpr int backlog = 16;
// What holds the lock does so for less than a moment.
constexpr int lock_tries = 50, lock_interval_ms = 10;

/// False: it does not fit.
bool write_address(const std::string& path, sockaddr_un& out) {
    out = {};
    out.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof out.sun_path) return false;
    std::memcpy(out.sun_path, path.c_str(), path.size());
    return true;
}

const sockaddr* as_address(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

std::string cannot_bind(const std::string& path, const std::string& why) {
    return "cannot listen on " + path + ": " + why;
}

/// Keeps servers that start at one moment from taking a name for dead that another one is about to
/// listen behind. Empty: it is not to be had; others may hold it, where they can read the folder.
Descriptor lock_folder(const std::filesystem::path& folder, int tries) {
    Descriptor fd(
        ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    while (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (--tries <= 0) return {};
        ::poll(nullptr, 0, lock_interval_ms);
    }
    return fd;
}

bool is_socket(const std::string& path) {
    struct stat found {};
    return ::lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode);
}

/// Why the name that is there may not be taken over; empty: nobody is behind it any more.
std::string why_taken(const std::string& path) {
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0)
        return errno == ENOENT ? std::string{} : std::strerror(errno);
    if (!S_ISSOCK(found.st_mode)) return "there is a file that is no socket; remove it";
    const auto connection = connect_local(path);
    if (connection || connection.error() == EAGAIN)
        return "another server listens there; give each one a path of its own, or stop it";
    if (connection.error() == ECONNREFUSED || connection.error() == ENOENT) return {};
    return std::strerror(connection.error());
}

}  // namespace

tl::expected<Descriptor, int> connect_local(const std::string& path) {
    sockaddr_un address{};
    if (!write_address(path, address)) return tl::unexpected(ENAMETOOLONG);
    Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return tl::unexpected(errno);
    if (::connect(fd.get(), as_address(address), sizeof address) != 0) return tl::unexpected(errno);
    return fd;
}

void remove_dead_sockets(const std::string& folder, std::string_view suffix) {
    const Descriptor lock = lock_folder(folder, 1);
    if (!lock) return;
    std::error_code error;
    std::vector<std::string> names;
    for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
         at.increment(error))
        if (std::string path = at->path().string(); path.ends_with(suffix))
            names.push_back(std::move(path));
    for (const std::string& path : names) {
        const auto connection = connect_local(path);
        if (!connection && connection.error() == ECONNREFUSED && is_socket(path))
            ::unlink(path.c_str());
    }
}

Outcome<LocalSocket> LocalSocket::bind(const std::string& path) {
    sockaddr_un address{};
    if (!write_address(path, address))
        return failure(cannot_bind(path, "the path of a socket has 1 to " +
                                             std::to_string(sizeof address.sun_path - 1) +
                                             " bytes; choose a shorter one"));
    Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    // The file that bind makes has the mode of the socket, less the umask.
    if (!fd || ::fchmod(fd.get(), S_IRUSR | S_IWUSR) != 0)
        return failure(cannot_bind(path, std::strerror(errno)));
    const Descriptor lock = lock_folder(std::filesystem::path(path).parent_path(), lock_tries);
    int status = ::bind(fd.get(), as_address(address), sizeof address);
    if (status != 0 && errno == EADDRINUSE) {
        if (const std::string why = why_taken(path); !why.empty())
            return failure(cannot_bind(path, why));
        ::unlink(path.c_str());
        status = ::bind(fd.get(), as_address(address), sizeof address);
    }
    if (status != 0) return failure(cannot_bind(path, std::strerror(errno)));
    LocalSocket made(path, std::move(fd));
    struct stat found {};
    // A umask may have taken from the owner too.
    if (::lstat(path.c_str(), &found) != 0 || ::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0 ||
        ::listen(made.fd_.get(), backlog) != 0)
        return failure(cannot_bind(path, std::strerror(errno)));
    made.device_ = found.st_dev;
    made.inode_ = found.st_ino;
    return made;
}

LocalSocket::LocalSocket(LocalSocket&& other) noexcept
    : path_(std::exchange(other.path_, {})),
      fd_(std::move(other.fd_)),
      device_(other.device_),
      inode_(other.inode_) {}

LocalSocket& LocalSocket::operator=(LocalSocket&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(fd_, other.fd_);
    std::swap(device_, other.device_);
    std::swap(inode_, other.inode_);
    return *this;
}

LocalSocket::~LocalSocket() {
    struct stat found {};
    if (path_.empty() || ::lstat(path_.c_str(), &found) != 0) return;
    if (found.st_dev == device_ && found.st_ino == inode_) ::unlink(path_.c_str());
}

}  // namespace edge
