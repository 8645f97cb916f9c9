#include "apps/vigil/commands.hpp"
#include "apps/vigil/console.hpp"
#include "apps/vigil/file.hpp"
#include "apps/vigil/inspection.hpp"
#include "apps/vigil/text.hpp"

namespace vigil {

ExitCode run_parse(const ParseOptions& options) {
    const auto text = read_file(options.file);
    if (!text) return fail(ExitCode::wrong_usage, {text.error(), {}, 0, {}}, options.json);
    Inspection found =
        looks_like_xml(*text)
            ? inspect_pidf(*text, options.strict)
            : inspect_sip(*text, options.strict ? sip::Leniency::strict() : sip::Leniency{});
    if (!found.fields.ok) {
        const Place place = place_of(*text, found.fields.offset);
        found.fields.error = (options.file == "-" ? "standard input" : options.file) + ":" +
                             std::to_string(place.line) + ":" + std::to_string(place.column) +
                             ": " + found.fields.rule + " (byte " +
                             std::to_string(found.fields.offset) + ")";
    }
    if (options.json) {
        print_line(json_of(found.fields));
    } else {
        for (const std::string& line : found.lines) print_line(line);
    }
    if (found.fields.ok) return ExitCode::done;
    print_error(found.fields.error);
    return ExitCode::failed;
}

}  // namespace vigil
