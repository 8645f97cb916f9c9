#include <cstdio>
#include <exception>
#include <span>

#include "apps/vigil/command_line.hpp"
#include "apps/vigil/commands.hpp"
#include "apps/vigil/console.hpp"

int main(int count, char** arguments) {
    using namespace vigil;
    try {
        const std::span<const char* const> all(arguments, static_cast<std::size_t>(count));
        return static_cast<int>(run(read_command_line(all.subspan(all.empty() ? 0 : 1))));
    } catch (const std::exception& error) {
        print_error(error.what());
        return static_cast<int>(ExitCode::failed);
    }
}
