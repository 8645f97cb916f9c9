#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sip {

/// One value of a certificate's subjectAltName, as it stands there: no byte of it is trusted.
struct AlternativeName {
    enum class Type : std::uint8_t { uri, dns, ip, other };
    Type type = Type::other;
    std::string_view value;  ///< `ip`: the 4 or 16 bytes of the address
};

/// What a certificate, found valid, says of whom it is for.
struct CertificateNames {
    std::span<const AlternativeName> alternatives;
    bool has_alternatives = false;  ///< the extension is there, be it empty
    std::string_view common_name;   ///< the last CN of the subject; empty: none
};

/// The SIP domain identities of a certificate (RFC 5922 7.1), one by one: hosts of its sip URIs, or
/// else its DNS names, or else its CN; and its addresses.
class DomainIdentities {
public:
    explicit DomainIdentities(const CertificateNames& names);
    /// The next one, valid until the next call; nothing at the end.
    std::optional<std::string_view> next();

private:
    std::optional<std::string_view> identity_of(const AlternativeName& name);

    CertificateNames names_;
    bool by_uri_ = false;  ///< a sip URI names a domain, so DNS names do not
    std::size_t at_ = 0;
    bool common_name_read_ = false;
    std::array<char, 64> room_{};  ///< an address in text
};

/// Whether two hosts are the same whole name (RFC 5922 7.2), in any case; addresses compare by
/// value. One final dot of a name, which says that it is absolute, makes no difference.
bool is_same_domain(std::string_view a, std::string_view b);
/// Whether the certificate is one of `domain`.
bool proves(const CertificateNames& names, std::string_view domain);

/// What the extendedKeyUsage of a certificate permits.
struct KeyUsage {
    bool restricted = false;  ///< the extension is there
    bool sip_domain = false;  ///< id-kp-sipDomain, 1.3.6.1.5.5.7.3.20
    bool any = false;         ///< anyExtendedKeyUsage
    bool tls_server = false, tls_client = false;
};
/// Whether the certificate of a TLS peer that is `as_server` may speak for a SIP domain. `strict`:
/// as RFC 5924 has it, to the letter.
bool allows_sip(const KeyUsage& usage, bool as_server, bool strict);

}  // namespace sip
