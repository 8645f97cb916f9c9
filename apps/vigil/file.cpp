#include "apps/vigil/file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "apps/edge/net/descriptor.hpp"

namespace vigil {

edge::Outcome<std::string> read_file(const std::string& path) {
    const bool standard_input = path == "-";
    const std::string name = standard_input ? "standard input" : path;
    const edge::Descriptor opened(standard_input ? -1 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!standard_input && !opened)
        return edge::failure("cannot read " + name + ": " + std::strerror(errno));
    const int fd = standard_input ? STDIN_FILENO : opened.get();
    std::string text;
    while (true) {
        char part[65'536];
        const ssize_t count = ::read(fd, part, sizeof part);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return edge::failure("cannot read " + name + ": " + std::strerror(errno));
        if (count == 0) return text;
        text.append(part, static_cast<std::size_t>(count));
        if (text.size() > file_bytes_max)
            return edge::failure(name + " is longer than " + std::to_string(file_bytes_max) +
                                 " bytes");
    }
}

namespace {

using edge::failure;
using edge::Outcome;

std::string why(const std::string& what) { return what + ": " + std::strerror(errno); }

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(fd, text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

/// Writes `text` beside `path` and moves it there. `folder` is open on the folder of `path`.
Outcome<void> replace_file(const std::filesystem::path& path, FileFor whom, int folder,
                           std::string_view text) {
    std::string name = path.string() + ".XXXXXX";
    const edge::Descriptor fd(::mkostemp(name.data(), O_CLOEXEC));
    if (!fd) return failure(why("cannot write beside " + path.string()));
    struct stat old {};
    const bool is_new = ::stat(path.c_str(), &old) != 0;
    if (is_new && ::fstat(folder, &old) != 0) old = {};
    // Root may edit the file of the server's own user: it stays that user's, where it can.
    const bool keeps_owner = !is_new || whom == FileFor::server;
    if (keeps_owner && ::fchown(fd.get(), old.st_uid, old.st_gid) != 0) errno = 0;
    mode_t mode = S_IRUSR | S_IWUSR;
    if (whom == FileFor::server) mode = is_new ? mode | S_IRGRP : old.st_mode & 0777;
    const bool written = write_all(fd.get(), text) && ::fchmod(fd.get(), mode) == 0 &&
                         ::fsync(fd.get()) == 0 && ::rename(name.c_str(), path.c_str()) == 0;
    if (!written) {
        auto error = failure(why("cannot write " + path.string()));
        ::unlink(name.c_str());
        return error;
    }
    ::fsync(folder);
    return {};
}

}  // namespace

Outcome<void> edit_file(
    const std::filesystem::path& path, FileFor whom,
    const std::function<Outcome<std::string>(const std::optional<std::string>&)>& edit) {
    std::error_code error;
    const bool exists = std::filesystem::exists(path, error);
    const auto real = exists ? std::filesystem::canonical(path, error) : path;
    if (error) return failure("cannot open " + path.string() + ": " + error.message());
    const auto parent = real.has_parent_path() ? real.parent_path() : std::filesystem::path(".");
    const edge::Descriptor folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) return failure(why("cannot open the folder " + parent.string()));
    if (::flock(folder.get(), LOCK_EX) != 0) return failure(why("cannot lock " + parent.string()));
    std::optional<std::string> old;
    if (std::filesystem::exists(real, error)) {
        auto text = read_file(real.string());
        if (!text) return failure(text.error());
        old = std::move(*text);
    }
    const auto text = edit(old);
    if (!text) return failure(text.error());
    if (old && *text == *old) return {};
    return replace_file(real, whom, folder.get(), *text);
}

}  // namespace vigil
