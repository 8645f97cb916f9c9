#include "apps/vigil/console.hpp"

#include <chrono>
#include <cstdio>

#include "apps/vigil/json_output.hpp"
#include "apps/vigil/text.hpp"

namespace vigil {

namespace {

bool write_line(std::FILE* file, const std::string& line) {
    return std::fwrite(line.data(), 1, line.size(), file) == line.size() && std::fflush(file) == 0;
}

}  // namespace

void print_line(std::string_view line) { write_line(stdout, std::string(line) + "\n"); }

bool output_is_broken() { return std::ferror(stdout) != 0; }

void print_error(std::string_view line) {
    const bool prefixed = line.starts_with("vigil");
    write_line(stderr, (prefixed ? "" : "vigil: ") + std::string(line) + "\n");
}

std::int64_t wall_clock_ms() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

ExitCode fail(ExitCode code, const Trouble& trouble, bool json) {
    print_error(trouble.error);
    if (json)
        print_line(json_of(ErrorFields{time_text(wall_clock_ms()), trouble.uri, trouble.error,
                                       trouble.status, trouble.reason}));
    return code;
}

}  // namespace vigil
