#include <string>
#include <vector>

#include "apps/vigil/commands.hpp"
#include "apps/vigil/console.hpp"
#include "apps/vigil/control_client.hpp"
#include "apps/vigil/control_text.hpp"

namespace vigil {

ExitCode run_explain(const ExplainOptions& options) {
    const auto watcher = address_argument(options.watcher);
    const auto presentity = address_argument(options.presentity);
    for (const auto* each : {&watcher, &presentity})
        if (!*each)
            return fail(ExitCode::wrong_usage, {"vigil explain: " + each->error(), {}, 0, {}},
                        options.control.json);
    std::vector<Record> lines;
    const ExitCode code =
        ask_server(options.control, "vigil explain",
                   "explain " + *watcher + " " + *presentity + (options.raw ? " raw" : ""),
                   [&](Record record) { lines.push_back(std::move(record)); });
    if (code != ExitCode::done || options.control.json) return code;
    for (const std::string& line : explanation_of(lines, *watcher, *presentity)) print_line(line);
    if (options.raw) print_line("\n" + document_in(lines));
    return code;
}

}  // namespace vigil
