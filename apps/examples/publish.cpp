// Publishes presence, keeps it fresh until Ctrl-C, and takes it away then:
//   publish SERVER URI PASSWORD open|closed [NOTE]
//   publish udp:127.0.0.1:5060 sip:alice@localhost wonderland open 'Out for lunch'
#include <array>
#include <csignal>
#include <cstdio>

#include "apps/edge/net/clock.hpp"
#include "apps/edge/net/driver.hpp"
#include "apps/edge/net/entropy.hpp"
#include "pidf/writer.hpp"
#include "sip/auth/digest_client.hpp"
#include "sip/event/publisher.hpp"
#include "sip/message/uri.hpp"
#include "sip/stack.hpp"

/// A document of one service; empty when it does not fit.
std::string document_of(std::string_view entity, bool open, std::string_view note) {
    sip::Memory memory;
    pidf::Arena arena(memory, 64 * 1024);
    pidf::Document document;
    document.entity = entity;
    pidf::Tuple* tuple = pidf::add_tuple(document, arena, "t1");
    if (tuple == nullptr) return {};
    tuple->basic = open ? pidf::Basic::open : pidf::Basic::closed;
    if (!note.empty() && pidf::add_note(tuple->notes, arena, note) == nullptr) return {};
    std::array<char, 8192> room{};
    sip::Appender out(room);
    return pidf::write(document, out) ? std::string(out.view()) : std::string();
}

int main(int count, char** arguments) {
    const auto server = edge::parse_listen_spec(count > 1 ? arguments[1] : "");
    const auto uri = sip::parse_uri(count > 2 ? arguments[2] : "");
    if (count < 5 || count > 6 || !server || !uri) {
        std::fprintf(stderr, "usage: publish SERVER URI PASSWORD open|closed [NOTE]\n");
        return 2;
    }
    const bool open = std::string_view(arguments[4]) == "open";
    const std::string body = document_of(arguments[2], open, count > 5 ? arguments[5] : "");

    edge::OsEntropy entropy;
    sip::Stack stack({}, entropy);
    sip::DigestClient credentials(stack.shard().memory, entropy);
    edge::EngineOf<sip::Stack> engine(stack);
    edge::Driver driver(engine);
    sip::Publisher publisher(stack.core());
    publisher.attach_as(stack.attach(publisher, sip::Publisher::methods));

    sip::Address here = sip::Address::v4(0, 0, 0, 0);
    if (server->address.is_loopback() || !server->address.is_v4()) here = server->address;
    const bool listens = driver.listen({{{server->transport, here, 0}}}).has_value();
    if (!listens || !credentials.add_password("", uri->user, arguments[3])) return 1;

    sip::PublishOptions wanted;
    wanted.peer.uri = arguments[2];
    wanted.peer.next_hop.transport = server->transport;
    wanted.peer.next_hop.remote = {server->address, server->port};
    wanted.peer.credentials = &credentials;
    wanted.event = "presence";
    wanted.content_type = "application/pidf+xml";
    wanted.body = body;
    const auto publication = publisher.publish(edge::read_clocks(), wanted);
    if (!publication) return 1;

    sip::PublicationNotice last;
    using Kind = sip::PublicationNotice::Kind;
    driver.after_drain([&] {
        while (const auto notice = publisher.next_notice()) {
            last = *notice;
            std::printf("%u %s\n", last.status, std::string(last.etag.view()).c_str());
            if (last.kind == Kind::removed || last.kind == Kind::failed) driver.stop();
        }
        std::fflush(stdout);
    });
    driver.on_signal(SIGINT, [&] { publisher.remove(edge::read_clocks(), *publication); });
    driver.run();
    return last.kind == Kind::removed ? 0 : 1;
}
