#include "presence/rules/identity.hpp"

#include "presence/rules/domain_name.hpp"
#include "sip/base/text.hpp"

namespace presence {
namespace {

/// The three schemes that name one party by one address become one.
sip::Uri unified(sip::Uri uri) {
    if (uri.scheme == sip::Scheme::sips || uri.scheme == sip::Scheme::pres)
        uri.scheme = sip::Scheme::sip;
    return uri;
}

bool is_hierarchical(const sip::Uri& uri) {
    return uri.scheme != sip::Scheme::tel && uri.scheme != sip::Scheme::other;
}

/// The domain of "mailto:bob@example.com", "xmpp:bob@example.com/desk", "https://example.com/bob".
std::string_view domain_of_other(std::string_view opaque) {
    const bool authority = opaque.starts_with("//");
    if (authority) opaque.remove_prefix(2);
    opaque = sip::slice(opaque, 0, opaque.find_first_of(authority ? "/?#" : "/?#;"));
    const auto at = opaque.rfind('@');
    if (at == std::string_view::npos && !authority) return {};
    if (at != std::string_view::npos) opaque.remove_prefix(at + 1);
    const auto colon = opaque.rfind(':');
    if (colon != std::string_view::npos && sip::parse_decimal(sip::slice(opaque, colon + 1)))
        opaque = sip::slice(opaque, 0, colon);
    return opaque;
}

/// RFC 2141 5, RFC 4122 3: the namespace in any case, and of a UUID all.
bool same_urn(std::string_view a, std::string_view b) {
    const sip::Halves x = sip::split_at(a, ':'), y = sip::split_at(b, ':');
    if (!sip::equal_ignoring_case(x.before, y.before)) return false;
    if (sip::equal_ignoring_case(x.before, "uuid"))
        return sip::equal_ignoring_case(x.after, y.after);
    return x.after == y.after;
}

}  // namespace

bool make_identity(std::string_view text, pidf::Arena& arena, Identity& out, bool& known) {
    out = {};
    const auto parsed = sip::parse_uri(text);
    known = parsed.has_value();
    if (!known) return true;
    out.text = text;
    const sip::Uri& uri = *parsed;
    const std::string_view domain = is_hierarchical(uri) ? uri.host
                                    : uri.scheme == sip::Scheme::other
                                        ? domain_of_other(uri.opaque())
                                        : std::string_view{};
    sip::Room<domain_max> name;
    if (!domain.empty() && write_domain(name, domain) && !arena.copy(name.view(), out.domain))
        return false;
    const bool plain = is_hierarchical(uri) && uri.scheme != sip::Scheme::im && uri.port == 0 &&
                       uri.password.empty() && uri.parameters.empty() && uri.headers.empty();
    if (!plain) return true;
    // An escape grows to no more than three bytes of one; an address of digits to 41.
    const std::size_t size = 3 * text.size() + 48;
    auto* made = static_cast<char*>(arena.allocate(size));
    if (made == nullptr) return false;
    sip::Appender address({made, size});
    sip::write_address_of_record(address, uri);
    out.address = address.overflowed() ? std::string_view{} : address.view();
    return true;
}

bool same_identity(const Identity& a, const Identity& b) {
    if (!a.address.empty() && !b.address.empty()) return a.address == b.address;
    const auto x = sip::parse_uri(a.text), y = sip::parse_uri(b.text);
    return x && y && sip::equivalent(unified(*x), unified(*y));
}

bool same_uri(std::string_view a, std::string_view b) {
    if (a == b) return true;
    if (!sip::equal_ignoring_case(sip::slice(a, 0, a.find(':')), sip::slice(b, 0, b.find(':'))))
        return false;
    const auto x = sip::parse_uri(a), y = sip::parse_uri(b);
    if (!x || !y) return false;
    if (sip::equivalent(*x, *y)) return true;
    return sip::equal_ignoring_case(x->scheme_name(), "urn") &&
           sip::equal_ignoring_case(y->scheme_name(), "urn") && same_urn(x->opaque(), y->opaque());
}

}  // namespace presence
