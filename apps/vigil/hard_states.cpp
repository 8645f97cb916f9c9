#include "apps/vigil/hard_states.hpp"

#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <utility>

#include "apps/vigil/file.hpp"
#include "apps/vigil/text.hpp"
#include "pidf/reader.hpp"
#include "sip/base/memory.hpp"
#include "sip/message/uri.hpp"

namespace vigil {
namespace {

constexpr std::string_view extension = ".xml";
constexpr std::size_t arena_bytes_max = std::size_t{1} << 20;

/// The address that a file is named by, in canonical form; empty: it is none.
std::string address_of(std::string_view stem) {
    const std::string text = "sip:" + std::string(stem);
    const auto uri = sip::parse_uri(text);
    if (!uri || uri->user.empty() || !uri->parameters.empty() || !uri->headers.empty() ||
        !uri->password.empty() || uri->port != 0)
        return {};
    std::array<char, 512> room{};
    sip::Appender name(room);
    sip::write_address_of_record(name, *uri);
    return name.overflowed() ? std::string() : std::string(name.view());
}

std::int64_t changed_ms_of(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? std::int64_t{status.st_mtime} * 1000 : 0;
}

}  // namespace

edge::Outcome<HardStates> HardStates::load(const std::string& folder) {
    HardStates made;
    if (folder.empty()) return made;
    const auto bad = [](const std::string& path, const std::string& why) {
        return edge::failure("--hard-state " + escape(path, 200) + ": " + why);
    };
    std::error_code error;
    std::filesystem::directory_iterator files(folder, error);
    if (error) return bad(folder, error.message());
    for (; !error && files != std::filesystem::directory_iterator(); files.increment(error)) {
        const std::string path = files->path().string(), name = files->path().filename().string();
        if (name.starts_with('.') || !name.ends_with(extension)) continue;
        const std::string address = address_of(name.substr(0, name.size() - extension.size()));
        if (address.empty()) return bad(path, "a file is named by an address: USER@DOMAIN.xml");
        auto text = read_file(path);
        if (!text) return edge::failure("--hard-state: " + text.error());
        if (text->size() > document_bytes_max) return bad(path, "it is larger than 65536 bytes");
        sip::Memory memory;
        pidf::Arena arena(memory, arena_bytes_max);
        pidf::ReadOptions options;
        options.unknown_basic = true;
        if (const auto read = pidf::read(*text, arena, options); !read)
            return bad(path, std::string(read.error().rule) + " (byte " +
                                 std::to_string(read.error().offset) + ")");
        if (!made.states_.try_emplace(address, Kept{std::move(*text), changed_ms_of(path)}).second)
            return bad(path, "another file is named by the same address");
        if (made.states_.size() > documents_max) return bad(folder, "it has too many documents");
    }
    if (error) return bad(folder, error.message());
    return made;
}

std::optional<presence::LocalStates::State> HardStates::state_of(
    std::string_view presentity) const {
    const auto found = states_.find(presentity);
    if (found == states_.end()) return {};
    return State{found->second.document, {}, found->second.changed_ms};
}

std::vector<std::string> HardStates::take(HardStates&& other) {
    std::vector<std::string> changed;
    for (const auto& [address, kept] : other.states_)
        if (const auto old = states_.find(address); old == states_.end() || old->second != kept)
            changed.push_back(address);
    for (const auto& [address, kept] : states_)
        if (!other.states_.contains(address)) changed.push_back(address);
    states_ = std::move(other.states_);
    return changed;
}

}  // namespace vigil
