#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace load {

/// What differs from one message of a kind to the next; in a template `{name}`.
enum class Slot : std::uint8_t {
    target,       ///< the Request-URI inside of a dialog
    routes,       ///< Route header fields, or nothing
    port,         ///< our own, of the connection
    branch,       ///< behind the magic cookie
    index,        ///< of the Call-ID and our tag
    cseq,         ///< number of the request
    user,         ///< the presentity
    watcher,      ///< who asks
    tag,          ///< ";tag=..." of the other side, or nothing
    entity_tag,   ///< the SIP-If-Match header field, or nothing
    credentials,  ///< the Authorization header field, or nothing
    expires,
    version,  ///< of the document
    part,     ///< number of the publication at its presentity
};
inline constexpr std::size_t slot_count = 14;
using Values = std::array<std::string_view, slot_count>;

inline std::string_view& at(Values& values, Slot slot) {
    return values[static_cast<std::size_t>(slot)];
}

/// A message prepared once: constant text, and the places where values go. Rendering copies the
/// one and the other and allocates nothing.
class Template {
public:
    Template() = default;
    /// `{name}` of a slot is its place; any other brace is text.
    explicit Template(std::string_view text);

    std::size_t size(const Values& values) const;
    /// Writes `size(values)` bytes. Returns the end.
    char* render(char* to, const Values& values) const;
    std::string render(const Values& values) const;

private:
    struct Piece {
        std::size_t begin = 0, size = 0;  ///< constant text that stands before the slot
        std::size_t slot = slot_count;    ///< slot_count: none
    };
    std::string text_;
    std::vector<Piece> pieces_;
};

/// `text` with each `from` replaced.
std::string replaced(std::string text, std::string_view from, std::string_view to);

/// `number` with leading zeros into `digits`; what does not fit is cut off in front.
void write_fixed(std::uint64_t number, char* digits, std::size_t count, unsigned base);

}  // namespace load
