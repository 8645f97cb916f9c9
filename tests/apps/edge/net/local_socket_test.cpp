#include "apps/edge/net/local_socket.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/apps/vigil/temporary_folder.hpp"

using namespace edge;

namespace {

namespace fs = std::filesystem;

/// As a server that was killed leaves it.
void leave_dead_socket(const std::string& path) {
    const Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
}

mode_t mode_of(const std::string& path) {
    struct stat found {};
    REQUIRE(::lstat(path.c_str(), &found) == 0);
    REQUIRE(S_ISSOCK(found.st_mode));
    return found.st_mode & 07777U;
}

class Umask {
public:
    explicit Umask(mode_t mask) : before_(::umask(mask)) {}
    Umask(const Umask&) = delete;
    Umask& operator=(const Umask&) = delete;
    ~Umask() { ::umask(before_); }

private:
    mode_t before_;
};

}  // namespace

TEST_CASE("a local socket is its owner's alone, whatever the umask, and goes with its object") {
    const TemporaryFolder folder;
    const std::string path = folder.path("s");
    for (const mode_t mask : {mode_t{0}, mode_t{0777}, mode_t{022}}) {
        CAPTURE(mask);
        const Umask set(mask);
        {
            const auto socket = LocalSocket::bind(path);
            REQUIRE(socket);
            CHECK(mode_of(path) == 0600);
            CHECK(connect_local(path));
        }
        CHECK_FALSE(fs::exists(path));
    }
}

TEST_CASE("a socket that a dead process left is taken over, one that lives is not") {
    const TemporaryFolder folder;
    const std::string path = folder.path("s");
    leave_dead_socket(path);
    CHECK(connect_local(path).error() == ECONNREFUSED);
    const auto first = LocalSocket::bind(path);
    REQUIRE(first);
    const auto second = LocalSocket::bind(path);
    REQUIRE_FALSE(second);
    CHECK(second.error().find(path) != std::string::npos);
    CHECK(second.error().find("another server listens there") != std::string::npos);
    CHECK(connect_local(path));
}

TEST_CASE("a file that is no socket is left alone") {
    const TemporaryFolder folder;
    const std::string path = folder.path("precious");
    std::ofstream(path) << "text";
    const auto socket = LocalSocket::bind(path);
    REQUIRE_FALSE(socket);
    CHECK(socket.error().find("no socket") != std::string::npos);
    CHECK(fs::file_size(path) == 4);
}

TEST_CASE("a path has a length that fits, and a folder that is there") {
    const TemporaryFolder folder;
    const std::string base = folder.path("");
    const std::string longest = base + std::string(107 - base.size(), 'x');
    CHECK(LocalSocket::bind(longest));
    const auto longer = LocalSocket::bind(longest + "x");
    REQUIRE_FALSE(longer);
    CHECK(longer.error().find("107") != std::string::npos);
    CHECK(connect_local(longest + "x").error() == ENAMETOOLONG);
    CHECK_FALSE(LocalSocket::bind(""));
    const auto nowhere = LocalSocket::bind(folder.path("no/such/folder"));
    REQUIRE_FALSE(nowhere);
    CHECK(nowhere.error().find("No such file") != std::string::npos);
    CHECK(connect_local(folder.path("none")).error() == ENOENT);
}

TEST_CASE("a name that has become somebody else's is not taken away") {
    const TemporaryFolder folder;
    const std::string path = folder.path("s");
    {
        auto first = LocalSocket::bind(path);
        REQUIRE(first);
        fs::remove(path);
        leave_dead_socket(path);
    }
    CHECK(fs::exists(path));
}

TEST_CASE("what dead processes left is removed, and nothing else") {
    const TemporaryFolder folder;
    leave_dead_socket(folder.path("dead.control"));
    leave_dead_socket(folder.path("dead.other"));
    std::ofstream(folder.path("file.control")) << "text";
    const auto live = LocalSocket::bind(folder.path("live.control"));
    REQUIRE(live);
    {
        // Somebody is about to listen behind a name that looks dead.
        const Descriptor lock(::open(folder.path("").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        REQUIRE(::flock(lock.get(), LOCK_EX | LOCK_NB) == 0);
        remove_dead_sockets(folder.path(""), ".control");
        CHECK(fs::exists(folder.path("dead.control")));
    }
    remove_dead_sockets(folder.path(""), ".control");
    CHECK_FALSE(fs::exists(folder.path("dead.control")));
    CHECK(fs::exists(folder.path("dead.other")));
    CHECK(fs::exists(folder.path("file.control")));
    CHECK(connect_local(folder.path("live.control")));
    remove_dead_sockets(folder.path("no such folder"), ".control");
}
