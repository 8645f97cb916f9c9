#pragma once

#include <cstdint>
#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "apps/edge/net/outcome.hpp"
#include "presence/rules/rule_source.hpp"
#include "sip/base/memory.hpp"

namespace vigil {

/// The rule documents of a folder (RFC 5025), one a presentity: "alice@example.com.xml" has those
/// of sip:alice@example.com, and "default.xml" those of everybody who has none.
///
/// What cannot be read does not take effect: the last good one of that file stays in force. Where
/// there never was a good one, nothing is shown to anybody: every watcher is pending until the file
/// is mended.
class RuleFiles final : public presence::RuleSource {
public:
    /// Does nothing yet: `look` reads.
    explicit RuleFiles(std::string folder);
    RuleFiles(const RuleFiles&) = delete;
    RuleFiles& operator=(const RuleFiles&) = delete;

    /// What became of the files since the last look.
    struct Changes {
        /// Canonical addresses-of-record whose rules are other ones now, an empty one for all of
        /// those that have none of their own.
        std::vector<std::string> presentities;
        /// One line for each file that could not be read: where, and what is wrong.
        std::vector<std::string> errors;
        /// Whose rules each of these is about; empty: nobody's, or everybody's.
        std::vector<std::string> wrong;
    };
    /// Reads every file that is not as it was. The error: the folder cannot be read; all stays.
    edge::Outcome<Changes> look();
    /// The same for the one file of this name in the folder.
    Changes look_at(const std::string& name);

    const presence::Ruleset* rules_of(std::string_view presentity) const override;
    /// Whether there is a file for the address itself.
    bool has(std::string_view presentity) const { return find(presentity) != nullptr; }
    /// The file of an address, for people.
    struct Status {
        std::string path;   ///< empty: no file is for it
        std::string error;  ///< why the file as it is now is not in force; empty: it is
        std::size_t rules = 0;
    };
    Status status_of(std::string_view presentity) const;
    const std::string& folder() const { return folder_; }
    std::size_t size() const { return files_.size(); }

    /// The name of the file for a canonical address-of-record.
    static std::string name_of(std::string_view presentity);

private:
    struct Stamp {
        std::int64_t modified_ns = 0, size = -1;
        std::uint64_t inode = 0;
        friend bool operator==(const Stamp&, const Stamp&) = default;
    };
    struct File {
        std::string presentity;  ///< empty: default.xml
        Stamp stamp;
        std::optional<presence::Ruleset> rules;  ///< the last good ones
        std::string error;
    };
    static std::optional<Stamp> stamp_of(const std::string& path);
    const File* find(std::string_view presentity) const;
    void look_at(const std::string& name, Changes& changes);
    void read(const std::string& name, File& file, Changes& changes);

    std::string folder_;
    mutable sip::Memory memory_;
    std::optional<presence::Ruleset> nothing_yet_;        ///< everybody pending
    std::map<std::string, File, std::less<>> files_;      ///< by name
    std::unordered_map<std::string, std::string> names_;  ///< of files, by presentity
};

}  // namespace vigil
