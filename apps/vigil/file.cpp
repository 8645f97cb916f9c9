#include "apps/vigil/file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
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

}  // namespace vigil
