#include "apps/vigil/rule_files.hpp"

#include <dirent.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>

#include "apps/vigil/file.hpp"
#include "apps/vigil/text.hpp"
#include "sip/base/assert.hpp"
#include "sip/message/uri.hpp"

namespace vigil {

namespace {

using edge::failure;
using edge::Outcome;

/// All rule documents of a server, read.
constexpr std::size_t memory_max = std::size_t{1} << 30;
constexpr std::string_view default_name = "default.xml", ending = ".xml";

constexpr std::string_view everybody_pending =
    "<ruleset xmlns=\"urn:ietf:params:xml:ns:common-policy\""
    " xmlns:pr=\"urn:ietf:params:xml:ns:pres-rules\"><rule id=\"no-readable-rules\"><conditions/>"
    "<actions><pr:sub-handling>confirm</pr:sub-handling></actions><transformations/></rule>"
    "</ruleset>";

/// The canonical address-of-record that a file is for; nothing: its name is no address.
std::optional<std::string> presentity_of(std::string_view name) {
    const std::string uri = "sip:" + std::string(name.substr(0, name.size() - ending.size()));
    const auto parsed = sip::parse_uri(uri);
    if (!parsed || !parsed->has_user) return {};
    std::array<char, 512> room{};
    sip::Appender out(room);
    sip::write_address_of_record(out, *parsed);
    if (out.overflowed()) return {};
    return std::string(out.view());
}

bool is_rule_file(std::string_view name) {
    return name.ends_with(ending) && !name.starts_with(".") && name.size() > ending.size();
}

}  // namespace

RuleFiles::RuleFiles(std::string folder) : folder_(std::move(folder)), memory_(memory_max) {
    auto rules = presence::Ruleset::read(everybody_pending, memory_, {});
    SIP_ASSERT(rules);
    nothing_yet_ = std::move(*rules);
}

std::string RuleFiles::name_of(std::string_view presentity) {
    // A slash cannot stand in the name of a file; in a URI it may be written so, too.
    std::string name;
    for (const char c : presentity) name += c == '/' ? std::string("%2F") : std::string(1, c);
    return name + std::string(ending);
}

std::optional<RuleFiles::Stamp> RuleFiles::stamp_of(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
    return Stamp{std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec,
                 status.st_size, status.st_ino};
}

Outcome<RuleFiles::Changes> RuleFiles::look() {
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder_.c_str()), ::closedir);
    if (open == nullptr)
        return failure("cannot read the folder " + folder_ + ": " + std::strerror(errno));
    std::set<std::string> names;
    while (const dirent* entry = ::readdir(open.get()))
        if (is_rule_file(entry->d_name)) names.insert(entry->d_name);
    for (const auto& [name, file] : files_) names.insert(name);
    Changes changes;
    for (const std::string& name : names) look_at(name, changes);
    return changes;
}

RuleFiles::Changes RuleFiles::look_at(const std::string& name) {
    Changes changes;
    if (is_rule_file(name)) look_at(name, changes);
    return changes;
}

void RuleFiles::look_at(const std::string& name, Changes& changes) {
    const auto stamp = stamp_of(folder_ + "/" + name);
    auto found = files_.find(name);
    if (!stamp) {
        if (found == files_.end()) return;
        changes.presentities.push_back(found->second.presentity);
        names_.erase(found->second.presentity);
        files_.erase(found);
        return;
    }
    if (found == files_.end()) {
        const auto presentity =
            name == default_name ? std::optional<std::string>("") : presentity_of(name);
        // One address, one file: "Alice@EXAMPLE.com.xml" beside "Alice@example.com.xml" is an
        // error.
        const bool taken = presentity && names_.contains(*presentity);
        if (!presentity || taken) {
            changes.wrong.emplace_back();
            changes.errors.push_back(
                folder_ + "/" + escape(name) + ": " +
                (taken ? "there is another file for that address: " + names_[*presentity]
                       : "no address-of-record; the name is to be as alice@example.com.xml"));
            return;
        }
        names_[*presentity] = name;
        found = files_.emplace(name, File{*presentity, {}, {}, {}}).first;
    }
    if (found->second.stamp == *stamp) return;
    found->second.stamp = *stamp;
    read(name, found->second, changes);
}

void RuleFiles::read(const std::string& name, File& file, Changes& changes) {
    const std::string path = folder_ + "/" + name;
    const bool is_new = !file.rules && file.error.empty();
    const auto text = read_file(path);
    if (!text) {
        file.error = text.error();
    } else if (auto rules = presence::Ruleset::read(*text, memory_, {}); !rules) {
        const Place place = place_of(*text, rules.error().offset);
        file.error = path + ":" + std::to_string(place.line) + ":" + std::to_string(place.column) +
                     ": " + escape(rules.error().rule);
    } else {
        file.rules = std::move(*rules);
        file.error.clear();
        changes.presentities.push_back(file.presentity);
        return;
    }
    changes.wrong.push_back(file.presentity);
    changes.errors.push_back(file.error + (file.rules ? "; what it said before stays in force"
                                                      : "; every watcher is pending until then"));
    if (is_new) changes.presentities.push_back(file.presentity);
}

const RuleFiles::File* RuleFiles::find(std::string_view presentity) const {
    const auto name = names_.find(std::string(presentity));
    if (name == names_.end()) return nullptr;
    return &files_.find(name->second)->second;
}

const presence::Ruleset* RuleFiles::rules_of(std::string_view presentity) const {
    const File* file = find(presentity);
    if (file == nullptr) file = find({});
    if (file == nullptr) return nullptr;
    return file->rules ? &*file->rules : &*nothing_yet_;
}

RuleFiles::Status RuleFiles::status_of(std::string_view presentity) const {
    const File* file = find(presentity);
    if (file == nullptr) file = find({});
    if (file == nullptr) return {};
    return {folder_ + "/" + names_.find(file->presentity)->second, file->error,
            file->rules ? file->rules->size() : 0};
}

}  // namespace vigil
