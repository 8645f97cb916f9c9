// The manual page against the program: nothing that is offered is left out.

#include <doctest/doctest.h>

#include <array>
#include <set>
#include <string>
#include <vector>

#include "apps/vigil/command_line.hpp"
#include "apps/vigil/file.hpp"
#include "tests/support/paths.hpp"

using namespace vigil;

namespace {

/// The long options that a help text names.
std::set<std::string> options_of(const std::string& help) {
    std::set<std::string> found;
    for (auto at = help.find("--"); at != std::string::npos; at = help.find("--", at + 2)) {
        const auto end = help.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-", at);
        found.insert(help.substr(at + 2, end - at - 2));
    }
    found.erase("");
    return found;
}

}  // namespace

TEST_CASE("Every option of every command stands in the manual page") {
    const auto manual = read_file((source_root() / "docs" / "vigil.1").string());
    REQUIRE(manual);
    const std::vector<std::vector<const char*>> commands{{"serve"},
                                                         {"watch"},
                                                         {"watchers"},
                                                         {"publish"},
                                                         {"register"},
                                                         {"edge"},
                                                         {"parse"},
                                                         {"limits"},
                                                         {"user", "add"},
                                                         {"user", "remove"},
                                                         {"user", "list"},
                                                         {"user", "check"},
                                                         {"rules", "check"},
                                                         {"rules", "test"},
                                                         {"allow"},
                                                         {"show", "subscriptions"},
                                                         {"show", "publications"},
                                                         {"show", "registrations"},
                                                         {"show", "presentity"},
                                                         {"explain"},
                                                         {"load"}};
    for (auto command : commands) {
        command.push_back("--help");
        const Command read = read_command_line(command);
        REQUIRE(std::holds_alternative<Say>(read));
        const auto options = options_of(std::get<Say>(read).text);
        CHECK(options.size() > 1);
        for (const std::string& option : options) {
            CAPTURE(option);
            const bool named = manual->find("Fl " + option) != std::string::npos ||
                               manual->find("--" + option) != std::string::npos;
            CHECK(named);
        }
    }
}
