// Parsing of the messages that RFC 4475 and RFC 5118 torture with: ours of the same kinds, and the
// originals where a standards folder is given. What a user agent does with them is tested where one
// is built.

#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "sip/base/memory.hpp"
#include "sip/message/essentials.hpp"
#include "sip/message/message_parser.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/vectors.hpp"

namespace {

using namespace sip;

/// A heap copy of exact size, so that a read past its end is seen by the sanitizer.
class Exact {
public:
    explicit Exact(std::string_view text) : bytes_(new char[text.size()]), size_(text.size()) {
        if (size_ > 0) std::memcpy(bytes_.get(), text.data(), size_);
    }
    char& operator[](std::size_t i) { return bytes_[i]; }
    std::string_view view() const { return {bytes_.get(), size_}; }

private:
    std::unique_ptr<char[]> bytes_;
    std::size_t size_;
};

std::string name_of(Condition condition) {
    switch (condition) {
        case Condition::malformed: return "malformed";
        case Condition::missing_header: return "missing_header";
        case Condition::repeated_header: return "repeated_header";
        case Condition::mismatch: return "mismatch";
        case Condition::version_not_supported: return "version_not_supported";
        case Condition::method_unknown: return "method_unknown";
        default: return "status " + std::to_string(status_of(condition));
    }
}

/// What becomes of a message, up to its essentials.
struct Outcome {
    std::string name;
    Error error;
    std::size_t size = 0;
    bool is_request = false;
};

Outcome parse(std::string_view bytes, Framing framing,
              const std::function<void(const MessageView&, const Essentials&)>& look = {}) {
    std::array<HeaderField, 128> slots;
    const Scan scan = scan_message(bytes, slots, framing, {}, {});
    const MessageView& message = scan.message;
    switch (scan.end) {
        case ScanEnd::need_more: return {"need_more", {}, 0, false};
        case ScanEnd::nothing: return {"nothing", {}, 0, false};
        case ScanEnd::broken:
            return {name_of(scan.error.condition), scan.error, scan.consumed, message.is_request()};
        case ScanEnd::complete: break;
    }
    const auto essentials = decode_essentials(message, {});
    if (!essentials)
        return {name_of(essentials.error().condition), essentials.error(), scan.consumed,
                message.is_request()};
    if (look) look(message, *essentials);
    return {"accept", {}, scan.consumed, message.is_request()};
}

/// What there is to see in one of our messages beyond that it parses.
using Look = void (*)(const MessageView&, const Essentials&);
const std::map<std::string, Look>& looks();

void check_ours(const char* name) {
    const TortureVector& vector = torture_vector(name);
    const Exact bytes(vector.bytes);
    const auto look = looks().find(name);
    const Outcome datagram = parse(bytes.view(), Framing::datagram,
                                   look == looks().end() ? Look{nullptr} : look->second);
    CAPTURE(datagram.error.rule);
    CHECK(datagram.name == vector.outcome);
    CHECK(datagram.is_request == vector.is_request);
    if (vector.offset) CHECK(datagram.error.offset == *vector.offset);
    if (vector.outcome != "accept") CHECK_FALSE(datagram.error.rule.empty());
    CHECK(parse(bytes.view(), Framing::stream).name == vector.on_stream);
}

void check_original(const char* name) {
    const auto text = original_torture_message(name);
    if (!text) return skip_case("no standards folder");
    const TortureVector& vector = torture_vector(name);
    const Exact bytes(*text);
    const Outcome datagram = parse(bytes.view(), Framing::datagram);
    CAPTURE(datagram.error.rule);
    CAPTURE(datagram.error.offset);
    CHECK(*text != vector.bytes);
    CHECK(datagram.name == vector.outcome);
    CHECK(datagram.is_request == vector.is_request);
    CHECK(parse(bytes.view(), Framing::stream).name == vector.on_stream);
}

std::string_view value_of(const MessageView& message, std::string_view name) {
    for (const HeaderField& field : message.headers)
        if (field.name == name) return field.value;
    return {};
}

void look_at_wsinv(const MessageView& message, const Essentials& found) {
    CHECK(message.method == Method::invite);
    CHECK(found.max_forwards == 42);
    CHECK(found.cseq.number == 17);
    CHECK(found.cseq.method == Method::invite);
    CHECK(found.call_id == "folded-in-the-orchard");
    CHECK(found.to_tag == "77aa-1");
    CHECK(found.from_tag == "5150");
    CHECK(found.via_count == 3);
    CHECK(found.via.host == "mill.orchard.example");
    CHECK(found.via.branch == "apple.1");
    CHECK(message.has(HeaderId::subject));
    CHECK(message.value_of(HeaderId::subject).empty());
    CHECK(value_of(message, "X-Strange") == ",;, ;= \"a,b\" ;;,");
    CHECK(message.body.size() == 119);
}

void look_at_intmeth(const MessageView& message, const Essentials& found) {
    CHECK(message.method == Method::unknown);
    CHECK(message.method_name == "*Ring.The_Bell'2024`~!-%+");
    CHECK(found.max_forwards == 254);
    CHECK(found.cseq.number == 2147483646);
    CHECK(found.from_tag == "!_.*+%`'~-");
    CHECK(found.to.display_name.find('\0') != std::string_view::npos);
    CHECK(value_of(message, "!field.of*bells_+`'~%-").find('\0') != std::string_view::npos);
}

void look_at_esc01(const MessageView&, const Essentials& found) {
    CHECK(found.request_uri.scheme == Scheme::sip);
    CHECK(found.request_uri.user == "sips%3Alamp%40attic.example");
    CHECK(found.request_uri.host == "cellar.example");
}

void look_at_escnull(const MessageView& message, const Essentials& found) {
    CHECK(found.to.uri.user == "before%00after");
    CHECK(message.count(HeaderId::contact) == 2);
}

void look_at_esc02(const MessageView& message, const Essentials& found) {
    CHECK(message.method == Method::unknown);
    CHECK(message.count(HeaderId::contact) == 2);
    CHECK(found.to.display_name == "%41%42");
}

void look_at_lwsdisp(const MessageView&, const Essentials& found) {
    CHECK(found.from.display_name == "rake");
    CHECK(found.from_tag == "t00l");
}

void look_at_longreq(const MessageView&, const Essentials& found) {
    CHECK(found.via_count == 41);
    CHECK(found.via.host == "hop40.river.example");
    CHECK(found.from_tag.size() == 280);
}

void look_at_dblreq(const MessageView& message, const Essentials& found) {
    CHECK(message.body.empty());
    CHECK(message.bytes.find("pollux") == std::string_view::npos);
    CHECK(found.call_id == "one-datagram-two-messages");
}

void look_at_semiuri(const MessageView&, const Essentials& found) {
    CHECK(found.request_uri.user == "key;ring=brass%40lock.example");
    CHECK(found.request_uri.host == "door.example");
    CHECK(found.request_uri.parameters.empty());
}

void look_at_transports(const MessageView&, const Essentials& found) {
    CHECK(found.via_count == 6);
}

void look_at_mpart01(const MessageView& message, const Essentials&) {
    CHECK(message.body.size() == 370);
    CHECK(message.body.find('\0') != std::string_view::npos);
    CHECK(message.body.ends_with("--seam-c0ffee--\r\n"));
}

void look_at_unreason(const MessageView& message, const Essentials&) {
    CHECK(message.status == 200);
    CHECK(message.reason.starts_with("!? 7/3 != 2 && gr"));
    CHECK(
        message.reason.ends_with("(\xc3\xa7"
                                 "a va) \"so"));
}

void look_at_noreason(const MessageView& message, const Essentials&) {
    CHECK(message.status == 100);
    CHECK(message.reason.empty());
}

void look_at_badbranch(const MessageView&, const Essentials& found) {
    CHECK(found.via.branch == "z9hG4bK");
    CHECK_FALSE(found.via.has_cookie());
}

void look_at_unkscm(const MessageView&, const Essentials& found) {
    CHECK(found.request_uri.scheme == Scheme::other);
    CHECK(found.request_uri.scheme_name() == "quill.and-ink+1");
}

void look_at_zeromf(const MessageView&, const Essentials& found) { CHECK(found.max_forwards == 0); }

void look_at_inv2543(const MessageView& message, const Essentials& found) {
    CHECK(found.from_tag.empty());
    CHECK(found.via.branch.empty());
    CHECK(found.max_forwards == 70);
    CHECK(message.body.size() == 119);
}

void look_at_port_ambiguous(const MessageView&, const Essentials& found) {
    CHECK(found.request_uri.host == "[2001:db8:a::1:5090]");
    CHECK(found.request_uri.port == 0);
}

void look_at_port_unambiguous(const MessageView&, const Essentials& found) {
    CHECK(found.request_uri.host == "[2001:db8:a::1]");
    CHECK(found.request_uri.port == 5090);
}

void look_at_mult_ip_in_header(const MessageView&, const Essentials& found) {
    CHECK(found.via_count == 3);
    CHECK(found.via.host == "[2001:db8:a::c:1]");
    CHECK(found.via.port == 6070);
}

const std::map<std::string, Look>& looks() {
    static const std::map<std::string, Look> table = {
        {"wsinv", look_at_wsinv},
        {"intmeth", look_at_intmeth},
        {"esc01", look_at_esc01},
        {"escnull", look_at_escnull},
        {"esc02", look_at_esc02},
        {"lwsdisp", look_at_lwsdisp},
        {"longreq", look_at_longreq},
        {"dblreq", look_at_dblreq},
        {"semiuri", look_at_semiuri},
        {"transports", look_at_transports},
        {"mpart01", look_at_mpart01},
        {"unreason", look_at_unreason},
        {"noreason", look_at_noreason},
        {"badbranch", look_at_badbranch},
        {"unkscm", look_at_unkscm},
        {"zeromf", look_at_zeromf},
        {"inv2543", look_at_inv2543},
        {"port-ambiguous", look_at_port_ambiguous},
        {"port-unambiguous", look_at_port_unambiguous},
        {"mult-ip-in-header", look_at_mult_ip_in_header},
    };
    return table;
}

TEST_CASE("R4475-3.1.1.1: wsinv") { check_ours("wsinv"); }
TEST_CASE("R4475-3.1.1.2: intmeth") { check_ours("intmeth"); }
TEST_CASE("R4475-3.1.1.3: esc01") { check_ours("esc01"); }
TEST_CASE("R4475-3.1.1.4: escnull") { check_ours("escnull"); }
TEST_CASE("R4475-3.1.1.5: esc02") { check_ours("esc02"); }
TEST_CASE("R4475-3.1.1.6: lwsdisp") { check_ours("lwsdisp"); }
TEST_CASE("R4475-3.1.1.7: longreq") { check_ours("longreq"); }
TEST_CASE("R4475-3.1.1.8: dblreq") { check_ours("dblreq"); }
TEST_CASE("R4475-3.1.1.9: semiuri") { check_ours("semiuri"); }
TEST_CASE("R4475-3.1.1.10: transports") { check_ours("transports"); }
TEST_CASE("R4475-3.1.1.11: mpart01") { check_ours("mpart01"); }
TEST_CASE("R4475-3.1.1.12: unreason") { check_ours("unreason"); }
TEST_CASE("R4475-3.1.1.13: noreason") { check_ours("noreason"); }
TEST_CASE("R4475-3.1.2.1: badinv01") { check_ours("badinv01"); }
TEST_CASE("R4475-3.1.2.2: clerr") { check_ours("clerr"); }
TEST_CASE("R4475-3.1.2.3: ncl") { check_ours("ncl"); }
TEST_CASE("R4475-3.1.2.4: scalar02") { check_ours("scalar02"); }
TEST_CASE("R4475-3.1.2.5: scalarlg") { check_ours("scalarlg"); }
TEST_CASE("R4475-3.1.2.6: quotbal") { check_ours("quotbal"); }
TEST_CASE("R4475-3.1.2.7: ltgtruri") { check_ours("ltgtruri"); }
TEST_CASE("R4475-3.1.2.8: lwsruri") { check_ours("lwsruri"); }
TEST_CASE("R4475-3.1.2.9: lwsstart") { check_ours("lwsstart"); }
TEST_CASE("R4475-3.1.2.10: trws") { check_ours("trws"); }
TEST_CASE("R4475-3.1.2.11: escruri") { check_ours("escruri"); }
TEST_CASE("R4475-3.1.2.12: baddate") { check_ours("baddate"); }
TEST_CASE("R4475-3.1.2.13: regbadct") { check_ours("regbadct"); }
TEST_CASE("R4475-3.1.2.14: badaspec") { check_ours("badaspec"); }
TEST_CASE("R4475-3.1.2.15: baddn") { check_ours("baddn"); }
TEST_CASE("R4475-3.1.2.16: badvers") { check_ours("badvers"); }
TEST_CASE("R4475-3.1.2.17: mismatch01") { check_ours("mismatch01"); }
TEST_CASE("R4475-3.1.2.18: mismatch02") { check_ours("mismatch02"); }
TEST_CASE("R4475-3.1.2.19: bigcode") { check_ours("bigcode"); }
TEST_CASE("R4475-3.2.1: badbranch") { check_ours("badbranch"); }
TEST_CASE("R4475-3.3.1: insuf") { check_ours("insuf"); }
TEST_CASE("R4475-3.3.2: unkscm") { check_ours("unkscm"); }
TEST_CASE("R4475-3.3.3: novelsc") { check_ours("novelsc"); }
TEST_CASE("R4475-3.3.4: unksm2") { check_ours("unksm2"); }
TEST_CASE("R4475-3.3.5: bext01") { check_ours("bext01"); }
TEST_CASE("R4475-3.3.6: invut") { check_ours("invut"); }
TEST_CASE("R4475-3.3.7: regaut01") { check_ours("regaut01"); }
TEST_CASE("R4475-3.3.8: multi01") { check_ours("multi01"); }
TEST_CASE("R4475-3.3.9: mcl01") { check_ours("mcl01"); }
TEST_CASE("R4475-3.3.10: bcast") { check_ours("bcast"); }
TEST_CASE("R4475-3.3.11: zeromf") { check_ours("zeromf"); }
TEST_CASE("R4475-3.3.12: cparam01") { check_ours("cparam01"); }
TEST_CASE("R4475-3.3.13: cparam02") { check_ours("cparam02"); }
TEST_CASE("R4475-3.3.14: regescrt") { check_ours("regescrt"); }
TEST_CASE("R4475-3.3.15: sdp01") { check_ours("sdp01"); }
TEST_CASE("R4475-3.4.1: inv2543") { check_ours("inv2543"); }
TEST_CASE("the stray message of the RFC 4475 archive: test") { check_ours("test"); }
TEST_CASE("R5118-4.1: ipv6-good") { check_ours("ipv6-good"); }
TEST_CASE("R5118-4.2: ipv6-bad") { check_ours("ipv6-bad"); }
TEST_CASE("R5118-4.3: port-ambiguous") { check_ours("port-ambiguous"); }
TEST_CASE("R5118-4.4: port-unambiguous") { check_ours("port-unambiguous"); }
TEST_CASE("R5118-4.5: via-received-param-with-delim") {
    check_ours("via-received-param-with-delim");
}
TEST_CASE("R5118-4.5: via-received-param-no-delim") { check_ours("via-received-param-no-delim"); }
TEST_CASE("R5118-4.6: ipv6-in-sdp") { check_ours("ipv6-in-sdp"); }
TEST_CASE("R5118-4.7: mult-ip-in-header") { check_ours("mult-ip-in-header"); }
TEST_CASE("R5118-4.8: mult-ip-in-sdp") { check_ours("mult-ip-in-sdp"); }
TEST_CASE("R5118-4.9: ipv4-mapped-ipv6") { check_ours("ipv4-mapped-ipv6"); }
TEST_CASE("R5118-4.10: ipv6-bug-abnf-3-colons") { check_ours("ipv6-bug-abnf-3-colons"); }
TEST_CASE("R5118-4.10: ipv6-correct-abnf-2-colons") { check_ours("ipv6-correct-abnf-2-colons"); }

TEST_CASE("R4475-3.1.1.1: wsinv, the original") { check_original("wsinv"); }
TEST_CASE("R4475-3.1.1.2: intmeth, the original") { check_original("intmeth"); }
TEST_CASE("R4475-3.1.1.3: esc01, the original") { check_original("esc01"); }
TEST_CASE("R4475-3.1.1.4: escnull, the original") { check_original("escnull"); }
TEST_CASE("R4475-3.1.1.5: esc02, the original") { check_original("esc02"); }
TEST_CASE("R4475-3.1.1.6: lwsdisp, the original") { check_original("lwsdisp"); }
TEST_CASE("R4475-3.1.1.7: longreq, the original") { check_original("longreq"); }
TEST_CASE("R4475-3.1.1.8: dblreq, the original") { check_original("dblreq"); }
TEST_CASE("R4475-3.1.1.9: semiuri, the original") { check_original("semiuri"); }
TEST_CASE("R4475-3.1.1.10: transports, the original") { check_original("transports"); }
TEST_CASE("R4475-3.1.1.11: mpart01, the original") { check_original("mpart01"); }
TEST_CASE("R4475-3.1.1.12: unreason, the original") { check_original("unreason"); }
TEST_CASE("R4475-3.1.1.13: noreason, the original") { check_original("noreason"); }
TEST_CASE("R4475-3.1.2.1: badinv01, the original") { check_original("badinv01"); }
TEST_CASE("R4475-3.1.2.2: clerr, the original") { check_original("clerr"); }
TEST_CASE("R4475-3.1.2.3: ncl, the original") { check_original("ncl"); }
TEST_CASE("R4475-3.1.2.4: scalar02, the original") { check_original("scalar02"); }
TEST_CASE("R4475-3.1.2.5: scalarlg, the original") { check_original("scalarlg"); }
TEST_CASE("R4475-3.1.2.6: quotbal, the original") { check_original("quotbal"); }
TEST_CASE("R4475-3.1.2.7: ltgtruri, the original") { check_original("ltgtruri"); }
TEST_CASE("R4475-3.1.2.8: lwsruri, the original") { check_original("lwsruri"); }
TEST_CASE("R4475-3.1.2.9: lwsstart, the original") { check_original("lwsstart"); }
TEST_CASE("R4475-3.1.2.10: trws, the original") { check_original("trws"); }
TEST_CASE("R4475-3.1.2.11: escruri, the original") { check_original("escruri"); }
TEST_CASE("R4475-3.1.2.12: baddate, the original") { check_original("baddate"); }
TEST_CASE("R4475-3.1.2.13: regbadct, the original") { check_original("regbadct"); }
TEST_CASE("R4475-3.1.2.14: badaspec, the original") { check_original("badaspec"); }
TEST_CASE("R4475-3.1.2.15: baddn, the original") { check_original("baddn"); }
TEST_CASE("R4475-3.1.2.16: badvers, the original") { check_original("badvers"); }
TEST_CASE("R4475-3.1.2.17: mismatch01, the original") { check_original("mismatch01"); }
TEST_CASE("R4475-3.1.2.18: mismatch02, the original") { check_original("mismatch02"); }
TEST_CASE("R4475-3.1.2.19: bigcode, the original") { check_original("bigcode"); }
TEST_CASE("R4475-3.2.1: badbranch, the original") { check_original("badbranch"); }
TEST_CASE("R4475-3.3.1: insuf, the original") { check_original("insuf"); }
TEST_CASE("R4475-3.3.2: unkscm, the original") { check_original("unkscm"); }
TEST_CASE("R4475-3.3.3: novelsc, the original") { check_original("novelsc"); }
TEST_CASE("R4475-3.3.4: unksm2, the original") { check_original("unksm2"); }
TEST_CASE("R4475-3.3.5: bext01, the original") { check_original("bext01"); }
TEST_CASE("R4475-3.3.6: invut, the original") { check_original("invut"); }
TEST_CASE("R4475-3.3.7: regaut01, the original") { check_original("regaut01"); }
TEST_CASE("R4475-3.3.8: multi01, the original") { check_original("multi01"); }
TEST_CASE("R4475-3.3.9: mcl01, the original") { check_original("mcl01"); }
TEST_CASE("R4475-3.3.10: bcast, the original") { check_original("bcast"); }
TEST_CASE("R4475-3.3.11: zeromf, the original") { check_original("zeromf"); }
TEST_CASE("R4475-3.3.12: cparam01, the original") { check_original("cparam01"); }
TEST_CASE("R4475-3.3.13: cparam02, the original") { check_original("cparam02"); }
TEST_CASE("R4475-3.3.14: regescrt, the original") { check_original("regescrt"); }
TEST_CASE("R4475-3.3.15: sdp01, the original") { check_original("sdp01"); }
TEST_CASE("R4475-3.4.1: inv2543, the original") { check_original("inv2543"); }
TEST_CASE("the stray message: test, the original") { check_original("test"); }
TEST_CASE("R5118-4.1: ipv6-good, the original") { check_original("ipv6-good"); }
TEST_CASE("R5118-4.2: ipv6-bad, the original") { check_original("ipv6-bad"); }
TEST_CASE("R5118-4.3: port-ambiguous, the original") { check_original("port-ambiguous"); }
TEST_CASE("R5118-4.4: port-unambiguous, the original") { check_original("port-unambiguous"); }
TEST_CASE("R5118-4.5: via-received-param-with-delim, the original") {
    check_original("via-received-param-with-delim");
}
TEST_CASE("R5118-4.5: via-received-param-no-delim, the original") {
    check_original("via-received-param-no-delim");
}
TEST_CASE("R5118-4.6: ipv6-in-sdp, the original") { check_original("ipv6-in-sdp"); }
TEST_CASE("R5118-4.7: mult-ip-in-header, the original") { check_original("mult-ip-in-header"); }
TEST_CASE("R5118-4.8: mult-ip-in-sdp, the original") { check_original("mult-ip-in-sdp"); }
TEST_CASE("R5118-4.9: ipv4-mapped-ipv6, the original") { check_original("ipv4-mapped-ipv6"); }
TEST_CASE("R5118-4.10: ipv6-bug-abnf-3-colons, the original") {
    check_original("ipv6-bug-abnf-3-colons");
}
TEST_CASE("R5118-4.10: ipv6-correct-abnf-2-colons, the original") {
    check_original("ipv6-correct-abnf-2-colons");
}

TEST_CASE("every torture message has its row, and all that is looked at is accepted") {
    CHECK(torture_vectors().size() == 62);
    for (const auto& [name, look] : looks()) CHECK(torture_vector(name).outcome == "accept");
}

/// Every end is well-formed: the error and the views lie inside what was given.
void check_end(std::string_view bytes) {
    std::array<HeaderField, 128> slots;
    const auto inside = [bytes](std::string_view part) {
        const auto at = reinterpret_cast<std::uintptr_t>(part.data());
        const auto begin = reinterpret_cast<std::uintptr_t>(bytes.data());
        return part.empty() || (at >= begin && at + part.size() <= begin + bytes.size());
    };
    for (const Framing framing : {Framing::datagram, Framing::stream}) {
        const Scan scan = scan_message(bytes, slots, framing, {}, {});
        bool fine = scan.consumed <= bytes.size() && inside(scan.message.bytes) &&
                    inside(scan.message.body) && inside(scan.message.request_uri);
        if (scan.end == ScanEnd::broken)
            fine = fine && scan.error.offset <= bytes.size() && !scan.error.rule.empty();
        if (framing == Framing::datagram) fine = fine && scan.end != ScanEnd::need_more;
        for (const HeaderField& field : scan.message.headers)
            fine = fine && inside(field.name) && inside(field.value);
        if (scan.end == ScanEnd::complete) {
            const auto essentials = decode_essentials(scan.message, {});
            if (essentials)
                fine = fine && inside(essentials->via.text) && !essentials->call_id.empty();
            else
                fine = fine && essentials.error().offset <= scan.message.bytes.size();
        }
        if (!fine) FAIL_CHECK("a bad end of: " << bytes);
    }
}

void torture(const std::string& text) {
    for (std::size_t size = 0; size <= text.size(); ++size)
        check_end(Exact(std::string_view(text).substr(0, size)).view());
    Exact bytes(text);
    for (std::size_t i = 0; i < text.size(); ++i) {
        for (const char c : {'\0', '\xff'}) {
            bytes[i] = c;
            check_end(bytes.view());
        }
        bytes[i] = text[i];
    }
}

TEST_CASE("R4475-OUR-1 T-1: ours, cut and hit at every byte, come to an end") {
    for (const TortureVector& vector : torture_vectors()) torture(vector.bytes);
}

TEST_CASE("R4475-OUR-1: the originals, cut and hit at every byte, come to an end") {
    if (!standards_folder()) return skip_case("no standards folder");
    for (const TortureVector& vector : torture_vectors())
        torture(*original_torture_message(vector.name));
}

}  // namespace
