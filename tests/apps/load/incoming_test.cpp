#include "apps/load/incoming.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace load;

namespace {

const std::string notify =
    "NOTIFY sip:load@127.0.0.1:4000 SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKa\r\n"
    "v: SIP/2.0/UDP 10.0.0.1\r\n"
    "Max-Forwards: 70\r\n"
    "From: \"A; tag=no\" <sip:a@b;tag=no>;x=y;tag=there\r\n"
    "t: <sip:b@c>;tag=here\r\n"
    "CALL-ID : s0000001f.0002-run@h\r\n"
    "CSeq: 12 NOTIFY\r\n"
    "Contact: <sip:s@127.0.0.1:5060;ob>;expires=3\r\n"
    "Record-Route: <sip:p1;lr>\r\n"
    "Record-Route: <sip:p2;lr>\r\n"
    "Subscription-State: terminated;reason=timeout\r\n"
    "l: 3\r\n"
    "\r\n"
    "abc";

}  // namespace

TEST_CASE("A NOTIFY is read in one pass: names in any case and form") {
    const auto in = read_incoming(notify);
    REQUIRE(in);
    CHECK(in->status == 0);
    CHECK(in->method == "NOTIFY");
    CHECK(in->cseq == 12);
    CHECK(in->cseq_method == "NOTIFY");
    CHECK(tag_of(in->from) == "there");
    CHECK(tag_of(in->to) == "here");
    CHECK(in->call_id == "s0000001f.0002-run@h");
    CHECK(in->contact == "sip:s@127.0.0.1:5060;ob");
    REQUIRE(in->route_count == 2);
    CHECK(in->routes[1] == "<sip:p2;lr>");
    CHECK(in->is_terminated());
    CHECK(in->body_bytes == 3);
    CHECK(in->head_bytes + 3 == notify.size());
}

TEST_CASE("What a response repeats is copied as it stands, in its order") {
    const auto in = read_incoming(notify);
    REQUIRE(in);
    std::string copied;
    for (std::size_t i = 0; i < in->copied_count; ++i) copied += in->copied[i];
    CHECK(copied ==
          "Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKa\r\n"
          "v: SIP/2.0/UDP 10.0.0.1\r\n"
          "From: \"A; tag=no\" <sip:a@b;tag=no>;x=y;tag=there\r\n"
          "t: <sip:b@c>;tag=here\r\n"
          "CALL-ID : s0000001f.0002-run@h\r\n"
          "CSeq: 12 NOTIFY\r\n");
    CHECK(in->copied_count == 2);  // adjacent lines are one
}

TEST_CASE("A response is read: status, entity-tag, challenge") {
    const std::string text =
        "SIP/2.0 401 Unauthorized\r\nCSeq: 1000001 PUBLISH\r\nSIP-ETag: abc\r\nExpires: 60\r\n"
        "WWW-Authenticate: Digest realm=\"a\", nonce=\"n\"\r\n"
        "WWW-Authenticate: Digest realm=\"a\", algorithm=SHA-256, nonce=\"m\"\r\n\r\n";
    const auto in = read_incoming(text);
    REQUIRE(in);
    CHECK(in->status == 401);
    CHECK(in->cseq == 1'000'001);
    CHECK(in->entity_tag == "abc");
    CHECK(in->expires == "60");
    CHECK(in->challenge == "Digest realm=\"a\", nonce=\"n\"");
    CHECK_FALSE(in->proxy_challenge);
    CHECK_FALSE(in->has_length);
}

TEST_CASE("A folded line goes with the one it continues") {
    const std::string text =
        "NOTIFY sip:a SIP/2.0\r\nFrom: <sip:a@b>\r\n ;tag=1\r\nSubject: x\r\n\ty\r\n\r\n";
    const auto in = read_incoming(text);
    REQUIRE(in);
    REQUIRE(in->copied_count == 1);
    CHECK(in->copied[0] == "From: <sip:a@b>\r\n ;tag=1\r\n");
}

TEST_CASE("A head cut anywhere is no message") {
    const std::size_t head = notify.size() - 3;
    for (std::size_t size = 0; size < head; ++size) {
        CAPTURE(size);
        CHECK_FALSE(read_incoming(std::string_view(notify).substr(0, size)));
    }
    CHECK(read_incoming(std::string_view(notify).substr(0, head)));
    for (const char* text : {"\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "SIP/2.0 x\r\n\r\n",
                             "NOTIFY a SIP/2.0\r\nno colon\r\n\r\n", "\r\n"})
        CHECK_FALSE(read_incoming(text));
    CHECK(read_incoming("NOTIFY a SIP/2.0\r\n: empty name\r\n\r\n"));
}

TEST_CASE("More of a kind than there is room for is left out") {
    std::string text = "NOTIFY a SIP/2.0\r\n";
    for (int i = 0; i < 40; ++i) text += "Via: x\r\nX: y\r\nRecord-Route: <sip:a>\r\n";
    const auto in = read_incoming(text + "\r\n");
    REQUIRE(in);
    CHECK(in->copied_count == Incoming::copied_max);
    CHECK(in->route_count == Incoming::routes_max);
}

TEST_CASE("A Call-ID of ours says whom it is about; any other one is nobody's") {
    for (const CallId id :
         {CallId{'s', 0, 0}, CallId{'p', 0xFFFFFFFF, 0xFFFF}, CallId{'o', 31, 2}}) {
        std::string text(CallId::size, '\0');
        id.write(text.data());
        text += "-0123@host";
        const auto read = CallId::read(text, "0123");
        REQUIRE(read);
        CHECK(read->kind == id.kind);
        CHECK(read->index == id.index);
        CHECK(read->life == id.life);
        CHECK_FALSE(CallId::read(text, "0124"));
        for (std::size_t size = 0; size < CallId::size + 5; ++size)
            CHECK_FALSE(CallId::read(std::string_view(text).substr(0, size), "0123"));
    }
    CHECK_FALSE(CallId::read("s0000001g.0001-0123@h", "0123"));
    CHECK_FALSE(CallId::read("s0000001f-0001-0123@h", "0123"));
    CHECK_FALSE(CallId::read("s0000001F.0001-0123@h", "0123"));
}

TEST_CASE("URIs and tags of the forms that servers write") {
    CHECK(uri_of("<sip:a@b;x=y>;z") == "sip:a@b;x=y");
    CHECK(uri_of("sip:a@b;x=y") == "sip:a@b");
    CHECK(uri_of("\"A\" <sip:a@b") == "");
    CHECK(tag_of("sip:a@b;tag=1;x") == "1");
    CHECK(tag_of("<sip:a@b>") == "");
}
