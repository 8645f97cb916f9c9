#include "apps/vigil/password.hpp"

#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace vigil {

namespace {

constexpr std::size_t password_bytes_max = 1024;

/// Keeps what is typed off the screen for as long as it lives.
class Hidden {
public:
    Hidden() {
        on_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
        if (!on_) return;
        termios quiet = before_;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    Hidden(const Hidden&) = delete;
    Hidden& operator=(const Hidden&) = delete;
    ~Hidden() {
        if (!on_) return;
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
        std::fputs("\n", stderr);
    }

private:
    termios before_{};
    bool on_ = false;
};

edge::Outcome<std::string> read_line() {
    std::string line;
    while (line.size() <= password_bytes_max) {
        char c = 0;
        const ssize_t count = ::read(STDIN_FILENO, &c, 1);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0)
            return edge::failure(std::string("cannot read the password: ") + std::strerror(errno));
        if (count == 0 || c == '\n') break;
        line += c;
    }
    if (line.size() > password_bytes_max) return edge::failure("the password is too long");
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty()) return edge::failure("the password is empty; nothing was done");
    return line;
}

}  // namespace

edge::Outcome<std::string> password_from_environment(const std::string& variable) {
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr)
        return edge::failure("--password-env " + variable +
                             ": there is no such environment variable; set and export it");
    if (*value == '\0')
        return edge::failure("--password-env " + variable + ": the variable is empty");
    return std::string(value);
}

edge::Outcome<std::string> password_from_input(const std::string& prompt) {
    if (!input_is_terminal()) return read_line();
    std::fputs(prompt.c_str(), stderr);
    const Hidden hidden;
    return read_line();
}

bool input_is_terminal() { return ::isatty(STDIN_FILENO) == 1; }

}  // namespace vigil
