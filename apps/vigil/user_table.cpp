#include "apps/vigil/user_table.hpp"

#include <algorithm>
#include <array>

#include "sip/base/text.hpp"
#include "sip/message/uri.hpp"

namespace vigil {

namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), sip::to_lower);
    return out;
}

std::string key_of(std::string_view name, std::string_view realm) {
    return std::string(name) + "\n" + lower(realm);
}

/// The canonical form of the user's address-of-record, or nothing when it would be no URI.
std::string address_of(const User& user) {
    std::array<char, 2048> room{};
    sip::Appender uri(room);
    uri << "sip:";
    sip::write_escaped_user(uri, user.name);
    uri << "@" << user.realm;
    const auto parsed = sip::parse_uri(uri.view());
    if (uri.overflowed() || !parsed) return {};
    std::array<char, 2048> canonical_room{};
    sip::Appender canonical(canonical_room);
    sip::write_address_of_record(canonical, *parsed);
    return std::string(canonical.view());
}

}  // namespace

void UserTable::put(const User& user) {
    users_[key_of(user.name, user.realm)] = user;
    if (auto address = address_of(user); !address.empty()) addresses_.insert(std::move(address));
}

bool UserTable::find(std::string_view user, std::string_view realm, sip::DigestAlgorithm base,
                     sip::Ha1& out) const {
    const auto found = users_.find(key_of(user, realm));
    if (found == users_.end()) return false;
    for (const auto& hash : found->second.hashes)
        if (hash.algorithm == base) {
            out = hash;
            return true;
        }
    return false;
}

bool UserTable::find(std::string_view watcher, std::string_view realm, sip::DigestAlgorithm base,
                     sip::NotifySecret& out) const {
    const auto at = watcher.rfind('@');
    if (at == std::string_view::npos) return false;
    // Threat 15: the watcher's own secret, for the realm it is for, and nobody else's.
    if (!sip::equal_ignoring_case(watcher.substr(at + 1), realm)) return false;
    out.user = watcher.substr(0, at);
    return find(out.user, realm, base, out.ha1);
}

bool UserTable::exists(std::string_view address) const {
    return addresses_.contains(std::string(address));
}

bool UserTable::lacks(sip::DigestAlgorithm algorithm) const {
    return std::any_of(users_.begin(), users_.end(), [&](const auto& each) {
        const auto& hashes = each.second.hashes;
        return std::none_of(hashes.begin(), hashes.end(),
                            [&](const sip::Ha1& hash) { return hash.algorithm == algorithm; });
    });
}

std::vector<std::string> UserTable::realms() const {
    std::unordered_set<std::string> found;
    for (const auto& each : users_) found.insert(lower(each.second.realm));
    return {found.begin(), found.end()};
}

}  // namespace vigil
