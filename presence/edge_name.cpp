#include "presence/edge_name.hpp"

#include "sip/base/text.hpp"
#include "sip/message/uri.hpp"

namespace presence {

void EdgeName::write(sip::Appender& out, const sip::Uri& request_uri) const {
    const std::string_view user = sip::slice(presentity_, 0, presentity_.rfind('@'));
    sip::Room<512> named;
    sip::write_address_of_record(named, request_uri);
    const std::string_view name = named.view();
    if (!named.overflowed() && request_uri.is_sip() &&
        sip::slice(name, 0, name.rfind('@')) == user &&
        listeners_.names_us(request_uri.host, request_uri.port))
        out << presentity_;
    else
        sip::write_address_of_record(out, request_uri);
}

}  // namespace presence
