#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>

#include "apps/vigil/commands.hpp"
#include "apps/vigil/config_file.hpp"
#include "apps/vigil/console.hpp"
#include "apps/vigil/control_client.hpp"
#include "apps/vigil/file.hpp"
#include "apps/vigil/json_output.hpp"
#include "apps/vigil/rule_files.hpp"
#include "apps/vigil/rules_editor.hpp"
#include "apps/vigil/serve_options.hpp"
#include "apps/vigil/text.hpp"
#include "presence/rules/permissions.hpp"
#include "sip/message/uri.hpp"

namespace vigil {

namespace {

using edge::failure;
using edge::Outcome;
using presence::SubHandling;

std::optional<SubHandling> handling_of(std::string_view text) {
    for (const auto each :
         {SubHandling::block, SubHandling::confirm, SubHandling::polite_block, SubHandling::allow})
        if (text == presence::name_of(each)) return each;
    return {};
}

/// The canonical address-of-record of a sip, sips or pres URI, or the text itself as one.
Outcome<std::string> address_of(const std::string& text) {
    auto uri = sip::parse_uri(text);
    const std::string with_scheme = "sip:" + text;
    if (!uri || uri->scheme == sip::Scheme::other) uri = sip::parse_uri(with_scheme);
    if (!uri || !uri->has_user || !(uri->is_sip() || uri->scheme == sip::Scheme::pres))
        return failure("\"" + escape(text, 100) + "\" is no address, as sip:alice@example.com");
    std::array<char, 512> room{};
    sip::Appender out(room);
    sip::write_address_of_record(out, *uri);
    if (out.overflowed()) return failure("\"" + escape(text, 60) + "...\" is too long");
    return std::string(out.view());
}

/// A watcher may also be a tel URI: it stays as it is.
Outcome<std::string> watcher_uri(const std::string& text) {
    if (const auto uri = sip::parse_uri(text); uri && uri->scheme == sip::Scheme::tel) return text;
    const auto address = address_of(text);
    if (!address) return failure(address.error());
    return "sip:" + *address;
}

/// The server that runs on this machine knows where its rules are.
Outcome<std::string> folder_of_server(const DecideOptions& options) {
    const auto answer = answer_of_server(options.control, "show server");
    if (!answer)
        return failure(answer.error() +
                       "; or say where the rules are: --rules DIR, as vigil serve has it");
    for (const Record& record : *answer)
        if (const std::string folder = record.text("rules"); !folder.empty()) return folder;
    return failure("the server that runs here has no rules; start it with --rules DIR");
}

Outcome<std::string> folder_of(const DecideOptions& options) {
    if (!options.rules.empty()) return options.rules;
    if (options.config.empty()) return folder_of_server(options);
    const auto text = read_file(options.config);
    if (!text) return failure("--config: " + text.error());
    const auto file = read_config(*text, options.config, serve_option_specs());
    if (!file) return failure(file.error());
    const auto found = file->find("rules");
    if (found == file->end())
        return failure("--config: " + options.config +
                       " names no folder of rules; add rules = \"DIR\"");
    return found->second.values.back();
}

/// What the presentity's document starts from: those that held for it so far.
Outcome<std::string> first_rules(const std::string& folder, SubHandling others, bool given) {
    const std::string path = folder + "/default.xml";
    std::error_code error;
    if (given || !std::filesystem::exists(path, error)) return make_rules(others);
    return read_file(path);
}

}  // namespace

ExitCode run_decide(const DecideOptions& options) {
    const std::string command = "vigil " + options.decision + ": ";
    const auto wrong = [&](const std::string& why, ExitCode code = ExitCode::wrong_usage) {
        return fail(code, {command + why, {}, 0, {}}, options.json);
    };
    const auto presentity = address_of(options.presentity);
    if (!presentity) return wrong(presentity.error());
    const auto others = handling_of(options.others.empty() ? "confirm" : options.others);
    if (!others) return wrong("--others: use allow, confirm, polite-block or block");
    const auto folder = folder_of(options);
    if (!folder)
        return wrong(folder.error(),
                     options.config.empty() ? ExitCode::failed : ExitCode::wrong_usage);
    std::error_code error;
    if (!std::filesystem::is_directory(*folder, error))
        return wrong("there is no folder " + *folder + "; vigil serve --rules names it",
                     ExitCode::failed);
    std::vector<std::string> watchers;
    for (const std::string& each : options.watchers) {
        const auto uri = watcher_uri(each);
        if (!uri) return wrong(uri.error());
        if (*uri == "sip:" + *presentity)
            return wrong("everybody sees themself, whatever the rules are");
        watchers.push_back(*uri);
    }
    const std::string path = *folder + "/" + RuleFiles::name_of(*presentity);
    std::vector<std::vector<std::string>> notes;
    const auto edited = edit_file(
        path, FileFor::server, [&](const std::optional<std::string>& old) -> Outcome<std::string> {
            auto text = old ? Outcome<std::string>(*old)
                            : first_rules(*folder, *others, !options.others.empty());
            for (const std::string& watcher : watchers) {
                if (!text) return text;
                auto next = decide_about(*text, watcher, *handling_of(options.decision));
                if (!next) return failure(path + ":" + next.error());
                notes.push_back(std::move(next->notes));
                text = std::move(next->document);
            }
            return text;
        });
    if (!edited) return wrong(edited.error(), ExitCode::failed);
    for (std::size_t i = 0; i < watchers.size(); ++i) {
        if (options.json) {
            print_line(json_of(DecisionFields{"sip:" + *presentity, watchers[i], options.decision,
                                              path, notes[i]}));
            continue;
        }
        print_line(options.decision + " " + watchers[i] + " in " + path);
        for (const std::string& note : notes[i]) print_line("  " + note);
    }
    return ExitCode::done;
}

}  // namespace vigil
