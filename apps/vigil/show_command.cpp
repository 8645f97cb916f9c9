#include <array>

#include "apps/vigil/commands.hpp"
#include "apps/vigil/console.hpp"
#include "apps/vigil/control_client.hpp"
#include "apps/vigil/control_text.hpp"

namespace vigil {

namespace {

constexpr std::array<std::string_view, 5> words{"server", "subscriptions", "publications",
                                                "registrations", "presentity"};

}  // namespace

ExitCode run_show(const ShowOptions& options) {
    const std::string word(words[static_cast<std::size_t>(options.what)]);
    const std::string command = "vigil show " + word;
    std::string request = "show " + word;
    if (!options.uri.empty()) {
        const auto address = address_argument(options.uri);
        if (!address)
            return fail(ExitCode::wrong_usage, {command + ": " + address.error(), {}, 0, {}},
                        options.control.json);
        request += " " + *address;
        if (options.raw) request += " raw";
    }
    Tables tables;
    std::string document;
    const ExitCode code = ask_server(options.control, command, request, [&](const Record& record) {
        tables.add(record);
        if (options.raw && document.empty()) document = document_in({record});
    });
    if (code != ExitCode::done || options.control.json) return code;
    for (const std::string& line : std::move(tables).lines(word)) print_line(line);
    if (!document.empty()) print_line("\n" + document);
    return code;
}

}  // namespace vigil
