#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/edge/net/outcome.hpp"
#include "sip/auth/ha1.hpp"

namespace vigil {

using edge::failure;
using edge::Outcome;

/// A user of a realm, and what is kept of the password.
struct User {
    std::string name, realm;
    std::vector<sip::Ha1> hashes;  ///< of different algorithms, at least one
};

/// The hashes of `password` for each of `algorithms`.
User make_user(std::string_view name, std::string_view realm, std::string_view password,
               std::span<const sip::DigestAlgorithm> algorithms);

/// "MD5,SHA-256" as algorithms without -sess, each once; the error says what is wrong with it.
Outcome<std::vector<sip::DigestAlgorithm>> parse_algorithms(std::string_view list);

/// A text file of users. A line each: name, realm, then ALGORITHM:HA1 for each hash, between
/// white space. Empty lines and those that start with # are kept and mean nothing.
///
///     alice example.com MD5:0123... SHA-256:4567...
class UserFile {
public:
    /// Errors name `origin` and the line.
    static Outcome<UserFile> parse(std::string_view text, std::string_view origin);
    static Outcome<UserFile> read(const std::filesystem::path& path);

    std::vector<User> users() const;
    std::optional<User> find(std::string_view name, std::string_view realm) const;
    /// Adds a user or replaces the one of that name and realm. The error says why it cannot be.
    Outcome<void> put(const User& user);
    /// False: there was none.
    bool remove(std::string_view name, std::string_view realm);
    std::string text() const;

private:
    struct Line {
        std::string text;  ///< without line end
        std::optional<User> user;
    };
    std::vector<Line> lines_;
};

/// Runs `edit` on the file at `path` (an empty one where there is none and `create` is set) and
/// writes what it leaves, for the owner's eyes alone: to a new file first that then takes the
/// place of the old one, so that no reader ever sees half of it. Nobody else edits meanwhile.
Outcome<void> edit_user_file(const std::filesystem::path& path, bool create,
                             const std::function<Outcome<void>(UserFile&)>& edit);

/// Others than the owner may read it.
bool is_readable_by_others(const std::filesystem::path& path);

}  // namespace vigil
