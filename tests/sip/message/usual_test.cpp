// What is read in one walk because it is spelt as nearly all spell it is the same as what those
// read who know all of the grammar: each value here is read both ways, whole and with each of its
// bytes replaced, left out or doubled.

#include "sip/message/usual.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "sip/message/contact.hpp"
#include "sip/message/cseq.hpp"
#include "sip/message/digest_header.hpp"
#include "sip/message/essentials.hpp"
#include "sip/message/event_header.hpp"
#include "sip/message/media_type.hpp"
#include "sip/message/message_parser.hpp"
#include "sip/message/subscription_state.hpp"
#include "sip/message/via.hpp"

using namespace sip;

namespace {

/// `REQUIRE`, cheap enough for millions.
void need(bool fine) {
    if (!fine) FAIL("read otherwise");
}

/// `read(text)` for `value` and for what one fault makes of it; how often it was true.
template <class Read>
std::size_t for_variants(const std::string& value, Read read) {
    static constexpr std::string_view others(
        "\0\t \r\n\"%'()*+,-./09:;<=>?@AZ[\\]_az{~\x7f\x80\xc3", 36);
    std::size_t fine = read(value);
    for (std::size_t i = 0; i <= value.size(); ++i) {
        for (const char other : others) {
            std::string changed = value;
            // Those that are often not between two others, and one that always is.
            if (std::string_view(" \t\r\",;<=a").find(other) != std::string_view::npos)
                fine += read(changed.insert(i, 1, other));
            if (i == value.size()) continue;
            changed = value;
            changed[i] = other;
            fine += read(changed);
        }
        if (i == value.size()) continue;
        fine += read(std::string(value).erase(i, 1));
        fine += read(std::string(value).insert(i, 1, value[i]));
        fine += read(value.substr(0, i));
    }
    return fine;
}

/// A value as it stands in a message: white space behind it, and more.
struct Placed {
    std::string bytes;
    std::string_view value;
    const char* limit;

    Placed(const std::string& text, std::string_view behind)
        : bytes("Name: " + text + "\r\n" + std::string(behind)),
          value(std::string_view(bytes).substr(6, text.size())),
          limit(bytes.data() + bytes.size()) {}
};

bool same(std::string_view a, std::string_view b) { return a.data() == b.data() && a == b; }
bool same_or_empty(std::string_view a, std::string_view b) {
    return (a.empty() && b.empty()) || same(a, b);
}
bool same(const Uri& a, const Uri& b) {
    return same(a.text, b.text) && a.scheme == b.scheme && same(a.scheme_name(), b.scheme_name()) &&
           same_or_empty(a.user, b.user) && same_or_empty(a.password, b.password) &&
           a.has_user == b.has_user && same(a.host, b.host) && a.port == b.port &&
           same(a.parameters.text(), b.parameters.text()) && same_or_empty(a.headers, b.headers) &&
           same(a.opaque(), b.opaque());
}
bool same(const NameAddr& a, const NameAddr& b) {
    return same_or_empty(a.display_name, b.display_name) && same(a.uri, b.uri) &&
           same(a.parameters.text(), b.parameters.text()) && a.bracketed == b.bracketed;
}
bool same(const Contact& a, const Contact& b) {
    return a.star == b.star && (a.star || same(a.address, b.address)) && a.expires == b.expires &&
           a.q == b.q && a.has_q == b.has_q;
}
bool same(const Via& a, const Via& b) {
    return same(a.text, b.text) && same(a.transport_name, b.transport_name) &&
           a.transport == b.transport && same(a.host, b.host) && a.port == b.port &&
           same(a.parameters.text(), b.parameters.text()) && same_or_empty(a.branch, b.branch) &&
           same_or_empty(a.received, b.received) && same_or_empty(a.maddr, b.maddr) &&
           a.has_rport == b.has_rport && a.rport == b.rport;
}

/// Every value of a list, by `next`, with the limit and without. Whether all were fine.
template <class Next>
bool same_list(const Placed& placed, Next next) {
    std::string_view a = placed.value, b = placed.value;
    for (;;) {
        const auto x = next(a, placed.limit), y = next(b, static_cast<const char*>(nullptr));
        need(x.has_value() == y.has_value());
        if (!x) return true;
        need(x->has_value() == y->has_value());
        if (!*x) {
            need((*x).error().rule == (*y).error().rule);
            need((*x).error().offset == (*y).error().offset);
            return false;
        }
        need(same(**x, **y));
        need(same_or_empty(a, b));
    }
}

/// In messages that go on in several ways: with a word, with what looks like a part of the value,
/// and so short that one block would read past their end.
constexpr std::array<std::string_view, 3> behinds{
    "Content-Length: 0\r\nSubject: a text that is longer than one block of sixteen, or of "
    "sixty-four"
    " bytes\r\n\r\n",
    ";tag=x>,<sip:a@b>;c=\"d\"\r\n\r\n123456789", "\r\n"};

template <class Next>
void reads_the_same(std::string_view value, Next next) {
    CAPTURE(value);
    for (const auto& [behind, leniency] : {std::pair{behinds[0], Leniency{}},
                                           {behinds[1], Leniency::strict()},
                                           {behinds[2], Leniency{}}}) {
        const auto read = [&next, b = behind, l = leniency](const std::string& text) {
            const Placed placed(text, b);
            return same_list(placed, [&next, &l](std::string_view& rest, const char* limit) {
                return next(rest, l, limit);
            });
        };
        for_variants(std::string(value), read);
    }
}

constexpr std::string_view addresses[] = {
    "<sip:alice@office.example>;tag=a71c0d5b3e2f4c68",
    "\"Alice Liddell\" <sip:alice@192.0.2.17:5060;ob>",
    "\"A\"<sip:a_b%20c@h:5060;transport=tcp;lr;x=%41>;expires=3600;q=0.9",
    "<sip:192.0.2.7;lr>, <sip:h;lr>;a=\"b,c\";d",
    "sip:bob@office.example;tag=1",
    "<sip:h;ab=1;ac=2;d>",
    "<sip:h;a;A>;tag=1;tag=2",
    "<sip:grace@192.0.2.61:50114;transport=tcp>;expires=3600;q=0.9;reg-id=1;"
    "+sip.instance=\"<urn:uuid:4f0b1c2d-93a8-00e7-8b6a-5d4c3b2a1908>\", <sips:h>;Q=1",
};

}  // namespace

TEST_CASE("R3261-19.1.1-1: a usual address is read as the grammar reads it") {
    for (const std::string_view value : addresses)
        reads_the_same(value, [](auto& rest, const Leniency& leniency, const char* limit) {
            return next_name_addr(rest, leniency, limit);
        });
}

TEST_CASE("a usual Contact is read as the grammar reads it") {
    for (const std::string_view value : addresses)
        reads_the_same(value, [](auto& rest, const Leniency& leniency, const char* limit) {
            return next_contact(rest, leniency, limit);
        });
}

TEST_CASE("R3261-20.42-1: a usual Via is read as the grammar reads it") {
    for (const std::string_view value :
         {"SIP/2.0/UDP 192.0.2.17:5060;rport;branch=z9hG4bKPj7f3c0e2d9b5147a3b1c0ffee12345678",
          "SIP/2.0/TLS h.example;received=192.0.2.1;branch=z9hG4bK.a~_b;rport=41022;maddr=m;alias",
          "SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK1, SIP/2.0/TCP h:1;Branch=\"x\";i=1",
          "SIP/2.0/WSS a-b:65535;RPORT=65535;received=[::1]", "SIP / 2.0 / UDP [::1]:5 ;ttl=1"})
        reads_the_same(value, [](auto& rest, const Leniency& leniency, const char* limit) {
            return next_via(rest, leniency, limit);
        });
}

namespace {

/// `text` scanned at the start of a head that is so short that no usual walk sets out, and of one
/// that is not.
bool same_scans(const std::string& text, const Leniency& leniency) {
    const std::string some = text + "\r\n\r\n";
    const std::string more = text + "\r\nSubject: " + std::string(80, 'x') + "\r\n\r\n";
    std::array<HeaderField, 8> few, many;
    const Scan a = scan_message(some, few, Framing::datagram, {}, leniency);
    const Scan b = scan_message(more, many, Framing::datagram, {}, leniency);
    if (a.end == ScanEnd::nothing) return false;
    need(a.end == b.end);
    need(a.error.rule == b.error.rule && a.error.condition == b.error.condition);
    need(a.end != ScanEnd::broken || a.error.offset == b.error.offset);
    need(a.message.method == b.message.method && a.message.method_name == b.message.method_name);
    need(a.message.request_uri == b.message.request_uri);
    need(a.message.status == b.message.status && a.message.reason == b.message.reason);
    need(a.message.headers.size() <= b.message.headers.size());
    for (std::size_t i = 0; i < a.message.headers.size(); ++i) {
        const HeaderField &x = a.message.headers[i], &y = b.message.headers[i];
        need(x.id == y.id && x.name == y.name && x.value == y.value);
        need(x.value.empty() || x.value.data() - some.data() == y.value.data() - more.data());
        need(a.message.find(x.id) - a.message.headers.data() ==
             b.message.find(x.id) - b.message.headers.data());
        need(a.message.repeated.has(x.id) == b.message.repeated.has(x.id) ||
             x.id == HeaderId::subject);
    }
    return a.end == ScanEnd::complete;
}

bool same_scans(std::string_view text) {
    std::size_t fine = 0;
    CAPTURE(text);
    for (const Leniency& leniency : {Leniency{}, Leniency::strict()})
        fine += for_variants(std::string(text), [&leniency](const std::string& changed) {
            return same_scans(changed, leniency);
        });
    return fine > text.size();
}

}  // namespace

TEST_CASE("R3261-7.1-1: a usual start line is read as the grammar reads it") {
    for (const std::string_view line :
         {"INFO sip:a%20@b;c SIP/2.0", "PUBLISH sip:a SIP/2.0", "SIP/2.0 200 OK", "SIP/2.0 699 ",
          "SIP/2.0 100 T\xc3\xa4\"<x"})
        CHECK(same_scans(line));
}

TEST_CASE("R3261-7.3.1-1 R3261-7.3.3-1: a usual header field is read as the grammar reads it") {
    for (const std::string_view field :
         {"v: SIP/2.0/UDP h;branch=1", "CSEQ: 1 INFO", "Content-Length: 0", "l:0", "Call-ID:  a b ",
          "To: a\r\nto: b\r\nx:1", "WWW-Authenticate: Digest", "Accept-Language: en",
          "P-Asserted-Identity:x", "X-Extra: 1", "Subject:", "Via: 1\r\nFrom:\r\n 2"})
        CHECK(same_scans("INFO sip:a SIP/2.0\r\n" + std::string(field)));
}

namespace {

/// The header fields of `message` moved apart, so that nothing is known of what stands behind them.
struct Apart {
    std::vector<std::vector<char>> held;
    std::vector<HeaderField> fields;
    MessageView message;

    explicit Apart(const MessageView& whole) : message(whole) {
        const auto hold = [this](std::string_view text) {
            held.emplace_back(text.begin(), text.end());
            return std::string_view(held.back().data(), text.size());
        };
        for (const HeaderField& field : whole.headers)
            fields.push_back({field.id, hold(field.name), hold(field.value)});
        message.request_uri = hold(whole.request_uri);
        message.headers = fields;
        message.scanned = false;
        message.indexed = false;
    }
};

bool same_essentials(const std::string& text) {
    std::array<HeaderField, 16> slots;
    const Scan scan = scan_message(text, slots, Framing::datagram, {}, {});
    if (scan.end != ScanEnd::complete) return false;
    const Apart apart(scan.message);
    const auto a = decode_essentials(scan.message, {}), b = decode_essentials(apart.message, {});
    need(a.has_value() == b.has_value());
    if (!a) {
        need(a.error().rule == b.error().rule);
        return false;
    }
    need(a->via.branch == b->via.branch);
    need(a->via_count == b->via_count);
    need(a->from_tag == b->from_tag);
    need(a->to_tag == b->to_tag);
    need(a->from.uri.text == b->from.uri.text);
    need(a->from.display_name == b->from.display_name);
    need(a->from.parameters.text() == b->from.parameters.text());
    need(a->to.uri.host == b->to.uri.host);
    need(a->to.uri.user == b->to.uri.user);
    need(a->request_uri.text == b->request_uri.text);
    need(a->request_uri.user == b->request_uri.user);
    need(a->request_uri.host == b->request_uri.host);
    need(a->request_uri.port == b->request_uri.port);
    need(a->request_uri.parameters.text() == b->request_uri.parameters.text());
    need(a->cseq.number == b->cseq.number);
    need(a->call_id == b->call_id);
    need(a->max_forwards == b->max_forwards);
    need(a->has_route == b->has_route);
    need(a->contact_count == b->contact_count);
    return true;
}

}  // namespace

TEST_CASE("what a scanned message says is what its fields say one by one") {
    const std::string message =
        "NOTIFY sip:a@h:5060;ob SIP/2.0\r\nVia: SIP/2.0/UDP h:1;branch=z9hG4bK8\r\n"
        "Route: <sip:p;lr>, <sip:q>\r\nMax-Forwards: 70\r\nf: <sip:b@o>;tag=77\r\n"
        "To: \"A L\" <sip:a@o>;x;tag=a7\r\nCall-ID: 3a@h\r\nCSeq: 3 NOTIFY\r\nm: <sip:h:5>\r\n"
        "Content-Length: 0\r\n\r\n";
    CHECK(for_variants(message, same_essentials) > 0);
}

TEST_CASE("short values are read as the grammar reads them") {
    // White space in front is never usual.
    for (const std::string value : {"28341 SUBSCRIBE", "4294967295 ACK", "0 X"})
        CHECK(for_variants(value, [](const std::string& text) {
                  const std::string moved = "\t" + text;
                  const auto a = parse_cseq(text), b = parse_cseq(moved);
                  need(a.has_value() == b.has_value());
                  if (a) need(a->number == b->number);
                  if (a) need(a->method == b->method);
                  if (a) need(a->method_name == b->method_name);
                  return a.has_value();
              }) > 0);
    for (const std::string value : {"presence.winfo", "dialog;id=a_b;x=\"y z\"", "p;ID=1;a=[::1]"})
        CHECK(for_variants(value, [](const std::string& text) {
                  const std::string moved = "\t" + text;
                  const auto a = parse_event(text), b = parse_event(moved);
                  need(a.has_value() == b.has_value());
                  if (a) need(a->package == b->package);
                  if (a) need(a->id == b->id);
                  if (a) need(a->parameters.text() == b->parameters.text());
                  return a.has_value();
              }) > 0);
    for (const std::string value :
         {"active;expires=587", "terminated;Reason=timeout;retry-after=1"})
        CHECK(for_variants(value, [](const std::string& text) {
                  const std::string moved = "\t" + text;
                  const auto a = parse_subscription_state(text),
                             b = parse_subscription_state(moved);
                  need(a.has_value() == b.has_value());
                  if (a) need(a->state_name == b->state_name);
                  if (a) need(a->reason == b->reason);
                  if (a) need(a->expires == b->expires);
                  if (a) need(a->retry_after == b->retry_after);
                  if (a) need(a->parameters.text() == b->parameters.text());
                  return a.has_value();
              }) > 0);
}

TEST_CASE("media types are read as the grammar reads them") {
    for (const std::string value :
         {"application/pidf+xml", "a/b;q=0.5;level=1, */*;x=\"y,z\", text/*",
          "multipart/related;Q=1"})
        CHECK(for_variants(value, [](const std::string& text) {
                  const std::string moved = "\t" + text;
                  const auto one = parse_media_type(text), other = parse_media_type(moved);
                  need(one.has_value() == other.has_value());
                  if (one) need(one->parameters.text() == other->parameters.text());
                  std::string_view a = text, b = moved;
                  for (;;) {
                      const auto x = next_media_type(a), y = next_media_type(b);
                      need(x.has_value() == y.has_value());
                      if (!x) return true;
                      need(x->has_value() == y->has_value());
                      if (!*x) return false;
                      need((*x)->type == (*y)->type);
                      need((*x)->subtype == (*y)->subtype);
                      need((*x)->q == (*y)->q);
                      need((*x)->parameters.text() == (*y)->parameters.text());
                      need(a == b);
                  }
              }) > 0);
}

TEST_CASE("credentials are read as the grammar reads them") {
    for (const std::string pairs :
         {"username=\"a\", realm=\"o.example\", nonce=\"5f+/=\", uri=\"sip:b@o\", response=\"0a\", "
          "algorithm=MD5, cnonce=\"c\\\"0\", qop=auth, nc=00000001",
          "Realm=r,userhash=true,opaque=\"\",algorithm=SHA-256,stale=x,qop=\"auth\",nonce=a:b c"})
        CHECK(for_variants(pairs, [](const std::string& text) {
                  const std::string usual = "Digest " + text, other = "Digest \t" + text;
                  const auto a = parse_credentials(usual), b = parse_credentials(other);
                  need(a.has_value() == b.has_value());
                  if (!a) {
                      need(a.error().rule == b.error().rule);
                      need(a.error().condition == b.error().condition);
                      need(a.error().offset + 1 == b.error().offset);
                      return false;
                  }
                  for (const auto member : {&DigestCredentials::username, &DigestCredentials::realm,
                                            &DigestCredentials::nonce, &DigestCredentials::uri,
                                            &DigestCredentials::response,
                                            &DigestCredentials::cnonce, &DigestCredentials::opaque,
                                            &DigestCredentials::nc_text, &DigestCredentials::qop})
                      need((*a).*member == (*b).*member);
                  need(a->nc == b->nc);
                  need(a->algorithm == b->algorithm);
                  need(a->userhash == b->userhash);
                  const auto c = parse_challenge(usual), d = parse_challenge(other);
                  need(c.has_value() == d.has_value());
                  if (c) need(c->qop.auth == d->qop.auth);
                  if (c) need(c->stale == d->stale);
                  if (c) need(c->nonce == d->nonce);
                  return true;
              }) > 0);
}
