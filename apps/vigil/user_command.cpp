#include <algorithm>
#include <optional>

#include "apps/vigil/commands.hpp"
#include "apps/vigil/console.hpp"
#include "apps/vigil/json_output.hpp"
#include "apps/vigil/password.hpp"
#include "apps/vigil/text.hpp"
#include "apps/vigil/user_file.hpp"

namespace vigil {

namespace {

struct Who {
    std::string name, realm;
    std::string text() const { return escape(name, 100) + " of " + escape(realm, 100); }
};

/// "alice", "alice@example.com"; --realm wins.
Who who_of(const UserOptions& options) {
    const auto at = options.name.rfind('@');
    if (at == std::string::npos) return {options.name, options.realm.value_or("localhost")};
    if (options.realm) return {options.name.substr(0, at), *options.realm};
    return {options.name.substr(0, at), options.name.substr(at + 1)};
}

Outcome<std::string> ask_password(const UserOptions& options, const Who& who, bool twice) {
    if (options.password_env) return password_from_environment(*options.password_env);
    auto first = password_from_input("Password of " + who.text() + ": ");
    if (!first || !twice || options.password_stdin || !input_is_terminal()) return first;
    const auto second = password_from_input("The same again: ");
    if (!second) return second;
    if (*first != *second) return failure("the two are not the same; nothing was done");
    return first;
}

UserFields fields_of(const User& user) {
    UserFields fields{user.name, user.realm, {}};
    for (const auto& hash : user.hashes)
        fields.algorithms.emplace_back(sip::name_of(hash.algorithm));
    return fields;
}

ExitCode add(const UserOptions& options) {
    const auto algorithms = parse_algorithms(options.algorithms);
    if (!algorithms)
        return fail(ExitCode::wrong_usage, {"--algorithms: " + algorithms.error(), {}, 0, {}},
                    options.json);
    const Who who = who_of(options);
    const auto password = ask_password(options, who, true);
    if (!password) return fail(ExitCode::failed, {password.error(), {}, 0, {}}, options.json);
    const User user = make_user(who.name, who.realm, *password, *algorithms);
    bool replaced = false;
    const auto done = edit_user_file(options.users, true, [&](UserFile& file) {
        replaced = file.find(who.name, who.realm).has_value();
        return file.put(user);
    });
    if (!done) return fail(ExitCode::failed, {done.error(), {}, 0, {}}, options.json);
    print_line(options.json ? json_of(fields_of(user))
                            : (replaced ? "changed " : "added ") + who.text());
    return ExitCode::done;
}

ExitCode remove(const UserOptions& options) {
    const Who who = who_of(options);
    const auto done = edit_user_file(options.users, false, [&](UserFile& file) -> Outcome<void> {
        if (file.remove(who.name, who.realm)) return {};
        return failure(options.users + " has no " + who.text() +
                       "; `vigil user list` shows who is there");
    });
    if (!done) return fail(ExitCode::failed, {done.error(), {}, 0, {}}, options.json);
    if (!options.json)
        print_line("removed " + who.text());
    else
        print_line(json_of(UserFields{who.name, who.realm, {}}));
    return ExitCode::done;
}

ExitCode list(const UserOptions& options) {
    const auto file = UserFile::read(options.users);
    if (!file) return fail(ExitCode::failed, {file.error(), {}, 0, {}}, options.json);
    for (const User& user : file->users()) {
        if (options.realm && user.realm != *options.realm) continue;
        if (!options.name.empty() && user.name != who_of(options).name) continue;
        const UserFields fields = fields_of(user);
        std::string line = user.name + " " + user.realm;
        for (const std::string& algorithm : fields.algorithms) line += " " + algorithm;
        print_line(options.json ? json_of(fields) : line);
    }
    return ExitCode::done;
}

/// Without a name: whether the file can be read. With one: whether a password is that user's.
ExitCode check(const UserOptions& options) {
    const auto file = UserFile::read(options.users);
    if (!file) return fail(ExitCode::failed, {file.error(), {}, 0, {}}, options.json);
    if (is_readable_by_others(options.users))
        print_error(options.users +
                    " may be read by others, and its hashes are as good as "
                    "passwords; chmod 600 it");
    if (options.name.empty()) {
        const auto users = file->users();
        if (!options.json) print_line(std::to_string(users.size()) + " users, no errors");
        for (const User& user : users)
            if (options.json) print_line(json_of(fields_of(user)));
        return ExitCode::done;
    }
    const Who who = who_of(options);
    const auto user = file->find(who.name, who.realm);
    if (!user)
        return fail(
            ExitCode::failed,
            {options.users + " has no " + who.text() + "; `vigil user list` shows who is there",
             {},
             0,
             {}},
            options.json);
    const auto password = ask_password(options, who, false);
    if (!password) return fail(ExitCode::failed, {password.error(), {}, 0, {}}, options.json);
    const bool right = std::all_of(user->hashes.begin(), user->hashes.end(), [&](const auto& hash) {
        return hash == sip::make_ha1(hash.algorithm, user->name, user->realm, *password);
    });
    if (!right)
        return fail(
            ExitCode::failed,
            {"that is not the password of " + who.text() + "; `vigil user add` sets another",
             {},
             0,
             {}},
            options.json);
    print_line(options.json ? json_of(fields_of(*user)) : "that is the password of " + who.text());
    return ExitCode::done;
}

}  // namespace

ExitCode run_user(const UserOptions& options) {
    switch (options.action) {
        case UserAction::add: return add(options);
        case UserAction::remove: return remove(options);
        case UserAction::list: return list(options);
        case UserAction::check: return check(options);
    }
    return ExitCode::wrong_usage;
}

}  // namespace vigil
