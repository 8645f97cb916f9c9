#include "tests/sim/conversations.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace sim;

namespace {

/// A host under watch, and what it says.
struct Watched {
    World world{1};
    Conversations it{world, "host"};

    std::string notify(unsigned cseq, const std::string& state, const std::string& branch) {
        return "NOTIFY sip:p@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=" + branch +
               "\r\nFrom: <sip:u0@d>;tag=n\r\nTo: <sip:u1@d>;tag=w\r\nCall-ID: c\r\nCSeq: " +
               std::to_string(cseq) + " NOTIFY\r\nSubscription-State: " + state + "\r\n\r\n";
    }
    std::string response(int status, const std::string& method, unsigned cseq,
                         const std::string& to_tag, const std::string& etag = {}) {
        return "SIP/2.0 " + std::to_string(status) +
               " Said\r\nVia: SIP/2.0/UDP h;branch=b\r\nFrom: <sip:u0@d>;tag=n\r\n"
               "To: <sip:u1@d>;tag=" +
               to_tag + "\r\nCall-ID: c\r\nCSeq: " + std::to_string(cseq) + " " + method + "\r\n" +
               (etag.empty() ? "" : "SIP-ETag: " + etag + "\r\n") + "\r\n";
    }
    void says(const std::string& text, Time at = 0) { it.sent(text, read_wire(text), at); }
    void hears(const std::string& text) { it.arrived(read_wire(text)); }
    std::string broken() const { return world.failure().invariant; }
};

}  // namespace

TEST_CASE("CSeq that does not rise, or other bytes under one branch, are seen") {
    Watched a;
    a.says(a.notify(1, "active", "b1"));
    a.says(a.notify(1, "active", "b1"));
    a.says(a.notify(2, "active", "b2"));
    a.says(a.notify(1, "active", "b1"));
    CHECK(a.broken().empty());
    a.says(a.notify(2, "active", "b3"));
    CHECK(a.broken() == "CSeq strictly rises");
    Watched b;
    b.says(b.notify(1, "active", "b1"));
    b.says(b.notify(1, "pending", "b1"));
    CHECK(b.broken() == "a retransmission is the same bytes");
}

TEST_CASE("R3261-26.2.2-1: SIPS that leaves by anything but TLS is seen") {
    Watched w;
    std::string secure = w.notify(1, "active", "b1");
    secure.replace(secure.find(" sip:p@h"), 8, " sips:p@h");
    std::string by_tls = secure;
    by_tls.replace(by_tls.find("/UDP"), 4, "/TLS");
    w.says(by_tls);
    CHECK(w.broken().empty());
    Watched u;
    u.says(secure);
    CHECK(u.broken() == "SIPS goes by TLS alone");
}

TEST_CASE("a NOTIFY after the last one is seen") {
    Watched w;
    w.says(w.notify(1, "terminated;reason=timeout", "b1"));
    w.says(w.notify(1, "terminated;reason=timeout", "b1"));
    CHECK(w.broken().empty());
    w.says(w.notify(2, "active", "b2"));
    CHECK(w.broken() == "no NOTIFY after terminated");
}

TEST_CASE("a NOTIFY to whom is gone, or silent, is seen") {
    Watched gone;
    gone.says(gone.notify(1, "active", "b"));
    gone.hears(gone.response(481, "NOTIFY", 1, "w"));
    gone.says(gone.notify(2, "active", "b2"));
    CHECK(gone.broken() == "who is gone is told nothing more");
    Watched silent;
    silent.says(silent.notify(1, "active", "b"));
    silent.says(silent.notify(2, "active", "b2"), 40 * second);
    CHECK(silent.broken() == "who is silent is told nothing more");
    Watched answers;
    answers.says(answers.notify(1, "active", "b"));
    answers.hears(answers.response(200, "NOTIFY", 1, "w"));
    answers.says(answers.notify(2, "active", "b2"), 40 * second);
    CHECK(answers.broken().empty());
}

TEST_CASE("more NOTIFYs of changes than the rate allows are seen") {
    Watched w;
    w.it.set_rate(5 * second);
    for (unsigned i = 1; i <= 5; ++i)
        w.says(w.notify(i, "active", "b" + std::to_string(i)), second);
    CHECK(w.broken() == "changes are held to the rate");
}

TEST_CASE("an entity-tag that is accepted twice, or given twice, is seen") {
    const std::string ask =
        "PUBLISH sip:u0@d SIP/2.0\r\nFrom: <sip:u0@d>;tag=n\r\nCall-ID: c\r\nSIP-If-Match: e1\r\n";
    Watched w;
    w.hears(ask + "CSeq: 2 PUBLISH\r\n\r\n");
    w.says(w.response(200, "PUBLISH", 2, "t", "e2"));
    w.says(w.response(200, "PUBLISH", 2, "t", "e2"));
    CHECK(w.broken().empty());
    w.hears(ask + "CSeq: 3 PUBLISH\r\n\r\n");
    w.says(w.response(200, "PUBLISH", 3, "t", "e3"));
    CHECK(w.broken() == "an entity-tag is accepted at most once");
    Watched given;
    given.says(given.response(200, "PUBLISH", 2, "t", "e2"));
    given.says(given.response(200, "PUBLISH", 3, "t", "e2"));
    CHECK(given.broken() == "entity-tags never come again");
}

TEST_CASE("two dialogs of one SUBSCRIBE are seen") {
    Watched w;
    w.says(w.response(200, "SUBSCRIBE", 1, "one"));
    w.says(w.response(200, "SUBSCRIBE", 1, "one"));
    CHECK(w.broken().empty());
    w.says(w.response(200, "SUBSCRIBE", 1, "two"), second);
    CHECK(w.broken() == "one dialog a subscription");
}

TEST_CASE("a watcher that takes an older NOTIFY is seen") {
    Watched w;
    w.says(w.response(200, "NOTIFY", 5, "w"));
    w.says(w.response(500, "NOTIFY", 4, "w"));
    w.says(w.response(200, "NOTIFY", 5, "w"));
    CHECK(w.broken().empty());
    w.says(w.response(200, "NOTIFY", 4, "w"));
    CHECK(w.broken() == "a watcher takes NOTIFYs in order");
}
