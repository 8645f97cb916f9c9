#include "apps/vigil/log.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "apps/vigil/log_tracer.hpp"
#include "tests/support/server_world.hpp"

using namespace vigil;

namespace {

struct Written {
    std::vector<std::string> lines;
    Log log;
    explicit Written(LogLevel level)
        : log(level, [this](std::string_view line) { lines.emplace_back(line); }) {}
};
sip::Now at(sip::Duration since) { return {sip::Instant{since}, 0}; }

}  // namespace

TEST_CASE("A line has its time and level, and only wanted levels are written") {
    Written out(LogLevel::warn);
    out.log.say(at({}), LogLevel::info, "no");
    out.log.say(at({}), LogLevel::warn, "yes");
    out.log.say(at({}), LogLevel::error, "too");
    out.log.answer(at({}), "whatever the level");
    REQUIRE(out.lines.size() == 3);
    CHECK(out.lines[2] == "1970-01-01T00:00:00Z info  whatever the level\n");
    CHECK(out.lines[0] == "1970-01-01T00:00:00Z warn  yes\n");
    CHECK(out.lines[1] == "1970-01-01T00:00:00Z error too\n");
}

TEST_CASE("T-36: no line can be forged from what a peer sent") {
    Written out(LogLevel::info);
    out.log.say(at({}), LogLevel::info, "a\r\n1970 error forged\x1b[1m");
    REQUIRE(out.lines.size() == 1);
    CHECK(out.lines[0] == "1970-01-01T00:00:00Z info  a\\x0d\\x0a1970 error forged\\x1b[1m\n");
    out.log.say(at({}), LogLevel::info, std::string(100'000, 'a'));
    CHECK(out.lines[1].size() < 1'100);
}

TEST_CASE("T-24 T-36: lines of one kind that come too often are counted, not written") {
    Written out(LogLevel::info);
    for (int i = 0; i < 1'000; ++i) out.log.say_limited(at({}), LogLevel::info, "refused", "line");
    CHECK(out.lines.size() == 10);
    CHECK(out.log.left_out() == 990);
    // Another kind has room of its own.
    out.log.say_limited(at({}), LogLevel::info, "other", "line");
    CHECK(out.lines.size() == 11);
    out.log.say_limited(at(sip::milliseconds{9'999}), LogLevel::info, "refused", "line");
    CHECK(out.lines.size() == 11);
    out.log.say_limited(at(sip::seconds{10}), LogLevel::info, "refused", "line");
    REQUIRE(out.lines.size() == 13);
    CHECK(out.lines[11].ends_with("refused: 991 more lines of this kind left out\n"));
}

TEST_CASE("However many kinds there are, what is remembered is bounded") {
    Written out(LogLevel::info);
    for (int i = 0; i < 10'000; ++i)
        out.log.say_limited(at({}), LogLevel::info, "kind " + std::to_string(i), "line");
    CHECK(out.lines.size() == 128 + 10);
}

TEST_CASE("T-36: of a message only the start line is told, and only at debug") {
    const sip::TraceMessage message{
        false,
        sip::Transport::udp,
        {},
        {},
        "PUBLISH sip:a@h SIP/2.0\r\nAuthorization: Digest response=\"secret\"\r\n\r\n",
        "body"};
    Written info(LogLevel::info);
    LogTracer quiet(info.log, nullptr);
    quiet.message(at({}), message);
    CHECK(info.lines.empty());
    Written debug(LogLevel::debug);
    LogTracer tracer(debug.log, nullptr);
    tracer.message(at({}), message);
    REQUIRE(debug.lines.size() == 1);
    CHECK(debug.lines[0].find("PUBLISH sip:a@h SIP/2.0") != std::string::npos);
    CHECK(debug.lines[0].find("secret") == std::string::npos);
    CHECK(debug.lines[0].find("body") == std::string::npos);
}

TEST_CASE("T-36: a password or a header field that a URI carries is not told") {
    const std::pair<const char*, const char*> rows[] = {
        {"SUBSCRIBE sip:alice:s3cret@example.com SIP/2.0",
         "SUBSCRIBE sip:alice:***@example.com SIP"},
        {"SUBSCRIBE sips:a:s3cret@h:5061;x=y SIP/2.0", "SUBSCRIBE sips:a:***@h:5061;x=y SIP/2.0"},
        {"SUBSCRIBE sip:a@h?Authorization=s3cret SIP/2.0", "SUBSCRIBE sip:a@h?*** SIP/2.0"},
        {"SUBSCRIBE sip:a:s3cret@h?x=s3cret@y SIP/2.0", "SUBSCRIBE sip:a:***@h?*** SIP/2.0"},
        {"SUBSCRIBE sip:a:s3cret@h", "SUBSCRIBE sip:a:***@h"},
        {"SUBSCRIBE sip:a@h:5060 SIP/2.0", "SUBSCRIBE sip:a@h:5060 SIP/2.0"},
        {"SUBSCRIBE sip:h:5060 SIP/2.0", "SUBSCRIBE sip:h:5060 SIP/2.0"},
        {"SIP/2.0 200 OK", "SIP/2.0 200 OK"}};
    for (const auto& [line, told] : rows) {
        Written out(LogLevel::debug);
        LogTracer tracer(out.log, nullptr);
        tracer.message(at({}), {false, sip::Transport::udp, {}, {}, line, {}});
        REQUIRE(out.lines.size() == 1);
        CHECK_MESSAGE(out.lines[0].find(told) != std::string::npos, out.lines[0]);
        CHECK_MESSAGE(out.lines[0].find("s3cret") == std::string::npos, out.lines[0]);
    }
}

TEST_CASE(
    "T-36: at debug, too, no line has credentials, challenges or bodies, whatever goes wrong") {
    Written out(LogLevel::debug);
    LogTracer tracer(out.log, nullptr);
    NamedUsers users;
    presence::ServerOptions options = ServerWorld::open();
    options.credentials = &users;
    options.directory = &users;
    options.tracer = &tracer;
    ServerWorld w(options);
    w.ask_as("alice",
             w.publish("alice", pidf_document("open", "t1", "sip:secret-place@a.example")));
    w.ask_as("bob", ServerWorld::subscribe("bob"));
    for (const char* field :
         {"Authorization: Digest username=\"bob\", realm=\"example.com\", nonce=\"n0nce\", "
          "uri=\"sip:alice@example.com\", response=\"r3sponse\"",
          "Authorization: Digest username=\"bob\", realm=\"example.com\", nonce=\"n0nce",
          "Authorization: Basic Ym9iOmJvYg==", "Proxy-Authorization: Digest response=\"r3sponse\"",
          "Authorization"})
        w.raw.ask(ServerWorld::subscribe("bob").with(field));
    w.raw.input(w.raw.text_of(ServerWorld::subscribe("bob").with("Authorization: Digest "
                                                                 "response=\"r3sponse\"")) +
                "secret-place");
    CHECK(out.lines.size() > 10);
    for (const std::string& line : out.lines)
        for (const char* secret : {"nonce", "n0nce", "Digest", "r3sponse", "Ym9i", "secret-place",
                                   "<tuple", "rspauth", "realm="})
            CHECK_MESSAGE(line.find(secret) == std::string::npos, secret << " in " << line);
}

TEST_CASE("A decision is told with its status, reason and subject; challenges at debug alone") {
    Written out(LogLevel::info);
    LogTracer tracer(out.log, nullptr);
    tracer.decision(at({}), {"refused", "Not your address", "a\n@h", 403});
    tracer.decision(at({}), {"refused", "No credentials", "", 401});
    REQUIRE(out.lines.size() == 1);
    CHECK(out.lines[0].ends_with("info  refused 403: Not your address (a\\x0a@h)\n"));
}

TEST_CASE("Transitions are heard at any level, and told at debug alone") {
    Written out(LogLevel::info);
    LogTracer tracer(out.log, nullptr);
    int heard = 0;
    tracer.on_transition(
        [&](const sip::Now&, const sip::TraceTransition& each) { heard += each.to == "pending"; });
    tracer.transition(at({}), {"subscription", 1, "init", "subscribe", "pending"});
    CHECK(heard == 1);
    CHECK(out.lines.empty());
}

TEST_CASE(
    "ROUR-10: the log tells of each subscription whose it is, of whom, and what became of it, and "
    "no secret") {
    Written out(LogLevel::info);
    LogTracer tracer(out.log, nullptr);
    NamedUsers users;
    presence::ServerOptions options = ServerWorld::open();
    options.credentials = &users;
    options.directory = &users;
    options.tracer = &tracer;
    ServerWorld w(options);
    w.ask_as("alice",
             w.publish("alice", pidf_document("open", "t1", "sip:secret-place@a.example")));
    w.ask_as("bob", ServerWorld::subscribe("bob"));
    w.server.set_policy(w.raw.now, presence::Policy::confirm);
    w.raw.drain();
    w.server.set_policy(w.raw.now, presence::Policy::block);
    w.raw.drain();
    std::string all;
    for (const std::string& line : out.lines) all += line;
    for (const char* part :
         {"subscription 0: bob@example.com to presence of alice@example.com is active, 600 s\n",
          "subscription 0: bob@example.com to presence of alice@example.com is pending, 600 s\n",
          "subscription 0: bob@example.com to presence of alice@example.com is terminated, "
          "rejected\n"})
        CHECK_MESSAGE(all.find(part) != std::string::npos, part << " in " << all);
    for (const char* secret :
         {"nonce", "Digest", "response=", "secret-place", "<tuple", "Authoriz"})
        CHECK_MESSAGE(all.find(secret) == std::string::npos, secret << " in " << all);
}
