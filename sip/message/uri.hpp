#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sip/base/buffer.hpp"
#include "sip/base/error.hpp"
#include "sip/base/limits.hpp"
#include "sip/base/siphash.hpp"
#include "sip/base/text.hpp"
#include "sip/message/character.hpp"
#include "sip/message/leniency.hpp"
#include "sip/message/scanner.hpp"

namespace sip {

/// One parameter of a URI, escapes kept.
struct UriParameter {
    std::string_view name, value;  ///< `value` is empty when there is none
};

/// The ";a=b;c" of a URI, checked when the URI was parsed: another grammar than that of the
/// parameters of a header field. Names are found in any case and with their escapes undone
/// (RFC 3261 19.1.4).
class UriParameters {
public:
    UriParameters() = default;
    explicit UriParameters(std::string_view text) : text_(text) {}

    std::optional<UriParameter> find(std::string_view name) const;
    bool has(std::string_view name) const { return find(name).has_value(); }
    /// As it was written: compare with `same_unescaped`. Empty when absent or without value.
    std::string_view value_of(std::string_view name) const;

    /// Takes the next parameter off the front of `rest` (start with `text()`); nothing at the end.
    static std::optional<UriParameter> next(std::string_view& rest);
    std::string_view text() const { return text_; }
    bool empty() const { return text_.empty(); }

private:
    std::string_view text_;
};

/// The rules that a URI breaks which has more than `Limits::uri_parts` of one.
inline constexpr StaticText too_many_uri_parameters = "URI: too many parameters";
inline constexpr StaticText too_many_uri_headers = "URI: too many headers";

enum class Scheme : std::uint8_t { sip, sips, tel, pres, im, other };

/// A URI, views into the text it was parsed from. RFC 3261 19.1.1; RFC 3966 (tel); RFC 3859
/// (pres). Escapes stay as they were written; comparison undoes them.
struct Uri {
    std::string_view text;  ///< all of it
    Scheme scheme = Scheme::other;
    std::string_view user;  ///< sip, sips, pres: before "@", without password; tel: the number
    std::string_view password;
    bool has_user = false;     ///< a "@" was there, even with nothing before it
    std::string_view host;     ///< name, IPv4, or IPv6 with its brackets
    std::uint16_t port = 0;    ///< 0: none was given
    UriParameters parameters;  ///< uri-parameters; of a tel URI its own
    std::string_view headers;  ///< behind "?", unparsed but checked

    /// As it was written.
    std::string_view scheme_name() const { return split_at(text, ':').before; }
    /// All behind the colon, which for other schemes is all that is known.
    std::string_view opaque() const { return split_at(text, ':').after; }
    bool is_sip() const { return scheme == Scheme::sip || scheme == Scheme::sips; }
};

/// All of `text` must be one URI. sip, sips, pres and tel are checked to the end; any other
/// scheme is checked for its characters alone.
Expected<Uri> parse_uri(std::string_view text, const Leniency& leniency = {});
/// The same, into a place that is there. What is in `uri` after an error is of no use.
Expected<void> read_uri(Uri& uri, std::string_view text, const Leniency& leniency);
/// A URI and the ">" behind it. False: it is none, or its kind asks for `read_uri`, which says what
/// is wrong; how far `scanner` has come means nothing then.
bool read_bracketed_uri(Uri& uri, Scanner& scanner, const Leniency& leniency);

/// RFC 3261 19.1.4 for sip and sips; the same without parameters for pres; RFC 3966 4 for tel;
/// byte for byte (scheme in any case) for others. IPv6 hosts compare by value (RFC 5954).
bool equivalent(const Uri& a, const Uri& b);
/// Equal for equivalent URIs.
std::uint64_t hash_of(const HashKey& key, const Uri& uri);

/// The address-of-record of a sip, sips or pres URI in canonical form, "user@host": escapes
/// undone where they are needless, made lower-case where they are needed, host in lower case
/// without port or parameters, so that two spellings of one address give the same bytes.
/// Without user: "host". `other` and `tel` schemes: the text as it is.
/// RFC 3261 10.3 step 5.
void write_address_of_record(Appender& out, const Uri& uri);

/// The same text in any case, with escapes undone; a reserved character that is escaped is another
/// than the bare one (RFC 3261 19.1.4).
bool same_unescaped(std::string_view a, std::string_view b);
/// `text`, a part of a URI where `allowed` may stand, with the escapes undone that are needless.
/// Those of reserved characters are not.
void write_plain(Appender& out, std::string_view text, Class allowed);
/// The user part with its escapes undone, byte by byte (an escaped NUL is a NUL byte).
void write_unescaped(Appender& out, std::string_view text);
/// `text` with every byte escaped that may not stand in a user part. RFC 3261 19.1.2.
void write_escaped_user(Appender& out, std::string_view text);

}  // namespace sip
