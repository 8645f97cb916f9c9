#include "apps/vigil/user_file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "apps/vigil/file.hpp"
#include "apps/vigil/text.hpp"
#include "sip/base/text.hpp"

namespace vigil {

namespace {

constexpr std::array known_algorithms{sip::DigestAlgorithm::md5, sip::DigestAlgorithm::sha256,
                                      sip::DigestAlgorithm::sha512_256};
constexpr std::size_t name_bytes_max = 200;
constexpr std::string_view first_line =
    "# Users of vigil: name, realm, HA1 hashes. A hash is as good as the password: keep it secret.";

std::optional<sip::DigestAlgorithm> algorithm_of(std::string_view name) {
    for (auto algorithm : known_algorithms)
        if (sip::equal_ignoring_case(name, sip::name_of(algorithm))) return algorithm;
    return {};
}

std::size_t digits_of(sip::DigestAlgorithm algorithm) {
    return algorithm == sip::DigestAlgorithm::md5 ? 32 : 64;
}

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    while (true) {
        const auto begin = line.find_first_not_of(" \t\r");
        if (begin == std::string_view::npos) return words;
        line.remove_prefix(begin);
        const auto end = std::min(line.find_first_of(" \t\r"), line.size());
        words.push_back(line.substr(0, end));
        line.remove_prefix(end);
    }
}

Outcome<sip::Ha1> parse_hash(std::string_view word) {
    const auto [name, digits, found] = sip::split_at(word, ':');
    const auto algorithm = algorithm_of(name);
    if (!found || !algorithm)
        return failure("\"" + escape(word.substr(0, word.find(':')), 40) +
                       "\" is not MD5:HA1, SHA-256:HA1 or SHA-512-256:HA1");
    const auto hex = sip::HexDigest::parse(digits);
    if (!hex || hex->view().size() != digits_of(*algorithm))
        return failure("the HA1 behind " + std::string(name) + " is not " +
                       std::to_string(digits_of(*algorithm)) + " hexadecimal digits");
    return sip::Ha1{*algorithm, *hex};
}

/// What could not be read back from a line.
Outcome<void> check_word(std::string_view what, std::string_view word) {
    if (word.empty()) return failure("the " + std::string(what) + " is empty");
    if (word.size() > name_bytes_max) return failure("the " + std::string(what) + " is too long");
    const bool unfit = std::any_of(word.begin(), word.end(), [](char c) {
        return static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == '"' || c == '\\';
    });
    if (unfit || word.front() == '#')
        return failure("the " + std::string(what) + " \"" + escape(word, 60) +
                       "\" has white space, control bytes, a quote or a backslash in it, or begins "
                       "with #");
    return {};
}

Outcome<User> parse_user(std::string_view line) {
    const auto words = words_of(line);
    if (words.size() < 3) return failure("a line is name, realm and at least one ALGORITHM:HA1");
    User user{std::string(words[0]), std::string(words[1]), {}};
    if (auto fit = check_word("name", user.name); !fit) return failure(fit.error());
    if (auto fit = check_word("realm", user.realm); !fit) return failure(fit.error());
    for (std::size_t i = 2; i < words.size(); ++i) {
        auto hash = parse_hash(words[i]);
        if (!hash) return failure(hash.error());
        for (const auto& other : user.hashes)
            if (other.algorithm == hash->algorithm)
                return failure(std::string(sip::name_of(hash->algorithm)) + " stands twice");
        user.hashes.push_back(*hash);
    }
    return user;
}

std::string line_of(const User& user) {
    std::string line = user.name + " " + user.realm;
    for (const auto& hash : user.hashes)
        line +=
            " " + std::string(sip::name_of(hash.algorithm)) + ":" + std::string(hash.hex.view());
    return line;
}

bool is_user(const User& user, std::string_view name, std::string_view realm) {
    return user.name == name && sip::equal_ignoring_case(user.realm, realm);
}

}  // namespace

User make_user(std::string_view name, std::string_view realm, std::string_view password,
               std::span<const sip::DigestAlgorithm> algorithms) {
    User user{std::string(name), std::string(realm), {}};
    for (auto algorithm : algorithms)
        user.hashes.push_back(sip::make_ha1(algorithm, name, realm, password));
    return user;
}

Outcome<std::vector<sip::DigestAlgorithm>> parse_algorithms(std::string_view list) {
    std::vector<sip::DigestAlgorithm> found;
    for (bool more = true; more;) {
        const auto [word, rest, comma] = sip::split_at(list, ',');
        const std::string_view name = sip::trim(word);
        const auto algorithm = algorithm_of(name);
        if (!algorithm)
            return failure("\"" + escape(name, 40) +
                           "\" is none of MD5, SHA-256, SHA-512-256 (with commas between them)");
        if (std::find(found.begin(), found.end(), *algorithm) != found.end())
            return failure(std::string(name) + " stands twice");
        found.push_back(*algorithm);
        list = rest;
        more = comma;
    }
    return found;
}

Outcome<UserFile> UserFile::parse(std::string_view text, std::string_view origin) {
    UserFile file;
    std::size_t number = 0;
    while (!text.empty()) {
        const auto [line, rest, found] = sip::split_at(text, '\n');
        text = rest;
        ++number;
        const auto wrong = [&](const std::string& why) {
            return failure(std::string(origin) + ":" + std::to_string(number) + ": " + why);
        };
        const auto words = words_of(line);
        if (words.empty() || words.front().front() == '#') {
            file.lines_.push_back({std::string(line), {}});
            continue;
        }
        auto user = parse_user(line);
        if (!user) return wrong(user.error());
        if (file.find(user->name, user->realm))
            return wrong(user->name + " of " + user->realm + " stands twice");
        file.lines_.push_back({std::string(line), std::move(*user)});
    }
    return file;
}

Outcome<UserFile> UserFile::read(const std::filesystem::path& path) {
    auto text = read_file(path.string());
    if (!text) return failure(text.error());
    return parse(*text, path.string());
}

std::vector<User> UserFile::users() const {
    std::vector<User> found;
    for (const auto& line : lines_)
        if (line.user) found.push_back(*line.user);
    return found;
}

std::optional<User> UserFile::find(std::string_view name, std::string_view realm) const {
    for (const auto& line : lines_)
        if (line.user && is_user(*line.user, name, realm)) return line.user;
    return {};
}

Outcome<void> UserFile::put(const User& user) {
    if (auto fit = check_word("name", user.name); !fit) return fit;
    if (auto fit = check_word("realm", user.realm); !fit) return fit;
    if (user.hashes.empty()) return failure("no algorithm is named");
    for (auto& line : lines_)
        if (line.user && is_user(*line.user, user.name, user.realm)) {
            line = {line_of(user), user};
            return {};
        }
    if (lines_.empty()) lines_.push_back({std::string(first_line), {}});
    lines_.push_back({line_of(user), user});
    return {};
}

bool UserFile::remove(std::string_view name, std::string_view realm) {
    return std::erase_if(lines_, [&](const Line& line) {
               return line.user && is_user(*line.user, name, realm);
           }) > 0;
}

std::string UserFile::text() const {
    std::string out;
    for (const auto& line : lines_) out += line.text + "\n";
    return out;
}

Outcome<void> edit_user_file(const std::filesystem::path& path, bool create,
                             const std::function<Outcome<void>(UserFile&)>& edit) {
    std::error_code error;
    if (!create && !std::filesystem::exists(path, error))
        return failure("there is no file " + path.string() + "; `vigil user add` makes one");
    return edit_file(path, FileFor::owner,
                     [&](const std::optional<std::string>& text) -> Outcome<std::string> {
                         UserFile file;
                         if (text) {
                             auto read = UserFile::parse(*text, path.string());
                             if (!read) return failure(read.error());
                             file = std::move(*read);
                         }
                         if (auto edited = edit(file); !edited) return failure(edited.error());
                         return file.text();
                     });
}

bool is_readable_by_others(const std::filesystem::path& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 && (status.st_mode & (S_IRGRP | S_IROTH)) != 0;
}

}  // namespace vigil
