// A whole presence server in one process, without sockets and under virtual time: `stack_bench WHAT
// ROUNDS` does one operation over and over, after as many as bring its timers to their steady
// state, and prints what was done. Under callgrind with `--toggle-collect=measured` only what the
// server itself does is counted: the same number in each run.

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "bench/messages.hpp"
#include "presence/server.hpp"

using namespace sip;

namespace {

constexpr ListenerId udp{1};
const Endpoint server_at{Address::v4(192, 0, 2, 1), 5060};
const Endpoint phone_at{Address::v4(192, 0, 2, 77), 5060};

/// Repeats with its seed.
class BenchEntropy final : public Entropy {
public:
    void fill(std::span<std::byte> out) override {
        for (std::byte& byte : out) byte = static_cast<std::byte>(engine_() & 0xff);
    }

private:
    std::mt19937_64 engine_{1};
};

struct Sent {
    std::size_t size = 0;
    std::array<char, 4'096> bytes;
    std::string_view text() const { return {bytes.data(), size}; }
};

/// What one input makes the server send, in order.
struct Outbox {
    std::size_t count = 0;
    std::vector<Sent> sent{1'024};
};

void serve(presence::Server& server, const Now& now, std::string_view bytes, Outbox& out) {
    out.count = 0;
    if (!bytes.empty()) server.input(now, Datagram{udp, phone_at, {bytes.data(), bytes.size()}});
    for (;;) {
        const auto effect = server.poll(now);
        if (!effect && server.deadline_at_least().value_or(never) <= now.mono) continue;
        if (!effect) break;
        const auto* packet = std::get_if<Transmit>(&*effect);
        if (packet == nullptr || out.count == out.sent.size()) std::abort();
        Sent& sent = out.sent[out.count++];
        const std::string_view head = packet->packet.head.view(), body = packet->packet.body.view();
        if (head.size() + body.size() > sent.bytes.size()) std::abort();
        std::memcpy(sent.bytes.data(), head.data(), head.size());
        if (!body.empty()) std::memcpy(sent.bytes.data() + head.size(), body.data(), body.size());
        sent.size = head.size() + body.size();
    }
}

}  // namespace

/// What callgrind counts: one input, or none, and all that comes of it.
extern "C" __attribute__((noinline)) void measured(presence::Server& server, const Now& now,
                                                   std::string_view bytes, Outbox& out) {
    serve(server, now, bytes, out);
}

namespace {

std::string_view field_of(std::string_view text, std::string_view name) {
    const std::string start = "\r\n" + std::string(name) + ": ";
    const auto at = text.find(start);
    if (at == std::string_view::npos) return {};
    text.remove_prefix(at + start.size());
    return text.substr(0, text.find("\r\n"));
}

presence::ServerOptions options() {
    static constexpr std::array<std::string_view, 1> domains{"office.example"};
    presence::ServerOptions made;
    made.domains = domains;
    made.policy = presence::Policy::allow;
    made.notify_interval = {};
    made.expires_jitter_percent = 0;
    made.limits.rate_source = made.limits.rate_user = made.limits.rate_strangers = 0;
    made.limits.server_transactions = made.limits.client_transactions = 1 << 20;
    made.limits.server_transactions_per_address = made.limits.server_transactions_per_user = 1
                                                                                             << 20;
    return made;
}

class Bench {
public:
    Bench() : server_(options(), entropy_) {
        (void)server_.add_listener({udp, Transport::udp, server_at, {}});
        (void)server_.add_listener({ListenerId{2}, Transport::tcp, server_at, {}});
    }
    /// Whether what happens is what is measured.
    bool counts = false;
    std::map<std::string, long> done;

    /// Hands a message over, and answers each NOTIFY that comes of it.
    void give(std::string_view text) {
        static Outbox out, none;
        run(text, out);
        std::vector<std::string> answers;
        for (std::size_t i = 0; i < out.count; ++i) {
            const std::string_view sent = out.sent[i].text();
            if (sent.starts_with("SIP/2.0 ")) {
                last_answer = sent;
                ++done[std::string(sent.substr(8, 3))];
                continue;
            }
            ++done[std::string(sent.substr(0, sent.find(' ')))];
            last_notify = sent;
            answers.push_back(answer_to(sent));
        }
        for (const std::string& answer : answers) {
            run(answer, none);
            if (none.count != 0) std::abort();
        }
    }
    /// So much later; what falls due is done.
    void pass(Duration time) {
        static Outbox out;
        now_.mono += time;
        now_.wall_ms += std::chrono::duration_cast<milliseconds>(time).count();
        server_.advance(now_);
        run({}, out);
        if (out.count != 0) std::abort();
    }
    const Memory& memory() { return server_.stack().shard().memory; }
    std::size_t transactions() { return server_.stack().servers().size(); }

    std::string last_answer, last_notify;

private:
    void run(std::string_view text, Outbox& out) {
        if (counts)
            measured(server_, now_, text, out);
        else
            serve(server_, now_, text, out);
    }
    static std::string answer_to(std::string_view request) {
        std::string text = "SIP/2.0 200 OK\r\n";
        for (const char* name : {"Via", "From", "To", "Call-ID", "CSeq"})
            text += std::string(name) + ": " + std::string(field_of(request, name)) + "\r\n";
        return text +
               "Contact: <sip:w@192.0.2.77:5060;ob>\r\nUser-Agent: Desk phone 4.2.1\r\n"
               "Content-Length: 0\r\n\r\n";
    }

    BenchEntropy entropy_;
    presence::Server server_;
    Now now_{Instant{} + seconds{1'000}, 1'767'225'600'000};
};

/// Messages as phones write them.
std::string request(const std::string& method, const std::string& uri, const std::string& from,
                    const std::string& to, const std::string& call, long cseq,
                    const std::string& fields, const std::string& body = {}) {
    static long branches = 0;
    std::string text =
        method + " " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP " +
        "192.0.2.77:5060;rport;branch=z9hG4bKPj7f3c0e2d9b" + std::to_string(100'000 + ++branches) +
        "\r\nMax-Forwards: 70\r\nFrom: " + from + "\r\nTo: " + to + "\r\nCall-ID: " + call +
        "\r\nCSeq: " + std::to_string(cseq) + " " + method + "\r\n" + fields;
    if (method != "PUBLISH")
        text +=
            "Contact: <sip:w@192.0.2.77:5060;ob>\r\nUser-Agent: Desk phone 4.2.1\r\n"
            "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, SUBSCRIBE, NOTIFY, MESSAGE, REFER, UPDATE"
            "\r\nSupported: replaces, 100rel, timer, norefersub\r\n"
            "Accept: application/pidf+xml, application/xpidf+xml\r\n";
    return text + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string address(const std::string& name) { return "sip:" + name + "@office.example"; }

std::string subscribe(const std::string& watcher, const std::string& presentity) {
    return request("SUBSCRIBE", address(presentity),
                   "<" + address(watcher) + ">;tag=a71c" + watcher, "<" + address(presentity) + ">",
                   "3a9e70b5-4e1d-4c51-9f0e-" + watcher, 1, "Event: presence\r\nExpires: 3600\r\n");
}

/// The next SUBSCRIBE in the dialog of `notify`.
std::string subscribe_again(const std::string& notify, long cseq, unsigned expires) {
    const std::string contact(field_of(notify, "Contact"));
    return request("SUBSCRIBE", contact.substr(1, contact.find('>') - 1),
                   std::string(field_of(notify, "To")), std::string(field_of(notify, "From")),
                   std::string(field_of(notify, "Call-ID")), cseq,
                   "Event: presence\r\nExpires: " + std::to_string(expires) + "\r\n");
}

std::string publish(const std::string& presentity, long cseq, const std::string& etag = {}) {
    std::string document = bench_document();
    const auto note = document.find("At my desk");
    document.insert(note, std::to_string(cseq) + " ");
    for (std::size_t at = 0; (at = document.find("alice@", at)) != std::string::npos; ++at)
        document.replace(at, 5, presentity);
    return request("PUBLISH", address(presentity),
                   "<" + address(presentity) + ">;tag=p" + presentity,
                   "<" + address(presentity) + ">", "77aa-publish-" + presentity, cseq,
                   "Event: presence\r\nExpires: 3600\r\n" +
                       (etag.empty() ? "" : "SIP-If-Match: " + etag + "\r\n") +
                       "Content-Type: application/pidf+xml\r\n",
                   document);
}

/// As many operations as come before those that count: 40 s, so each timer of a transaction is at
/// its steady state.
constexpr long warm_up = 2'000, rounds_max = 2'000, watchers = 100;
constexpr Duration between = milliseconds{20};

/// One operation: what it needs beforehand, for all rounds that there may be, and itself.
struct Operation {
    std::function<void(Bench&)> prepare;
    std::function<void(Bench&, long)> round;
};

std::vector<std::string> messages;

/// `count` subscriptions, a presentity having 20; `messages` are then the next of their dialogs.
void subscribe_all(Bench& bench, long count, unsigned expires) {
    for (long i = 0; i < count; ++i) {
        bench.give(subscribe("w" + std::to_string(i), "u" + std::to_string(i / 20)));
        messages.push_back(subscribe_again(bench.last_notify, 2, expires));
        bench.pass(milliseconds{1});
    }
}

const std::map<std::string, Operation> operations{
    {"subscribe",
     {[](Bench&) {
          for (long i = 0; i < warm_up + rounds_max; ++i)
              messages.push_back(subscribe("w" + std::to_string(i), "u" + std::to_string(i / 20)));
      },
      [](Bench& bench, long i) { bench.give(messages[static_cast<std::size_t>(i)]); }}},
    {"refresh",
     {[](Bench& bench) { subscribe_all(bench, warm_up + rounds_max, 3600); },
      [](Bench& bench, long i) { bench.give(messages[static_cast<std::size_t>(i)]); }}},
    {"unsubscribe",
     {[](Bench& bench) { subscribe_all(bench, warm_up + rounds_max, 0); },
      [](Bench& bench, long i) { bench.give(messages[static_cast<std::size_t>(i)]); }}},
    {"publish",
     {[](Bench&) {
          for (long i = 0; i < warm_up + rounds_max; ++i)
              messages.push_back(publish("q" + std::to_string(i), 2 + i));
      },
      [](Bench& bench, long i) { bench.give(messages[static_cast<std::size_t>(i)]); }}},
    {"notify",
     {[](Bench& bench) {
          for (long i = 0; i < watchers; ++i)
              bench.give(subscribe("w" + std::to_string(i), "alice"));
      },
      [](Bench& bench, long i) {
          // One change is told to so many; those changes are what rounds are.
          static std::string etag;
          if (i % watchers != 0) return;
          bench.give(publish("alice", 2 + i, etag));
          etag = field_of(bench.last_answer, "SIP-ETag");
      }}},
    {"retransmission",
     {[](Bench&) {},
      [](Bench& bench, long i) {
          // Each is forgotten after 32 s, and is new then.
          if (i % 1'000 == 0) {
              const bool counts = bench.counts;
              bench.counts = false;
              bench.pass(seconds{33});
              messages.clear();
              for (long k = 0; k < 100; ++k)
                  messages.push_back(publish("p" + std::to_string(k), 10 + i));
              for (const std::string& message : messages) bench.give(message);
              bench.counts = counts;
          }
          bench.give(messages[static_cast<std::size_t>(i % 100)]);
      }}},
};

}  // namespace

int main(int count, char** arguments) {
    if (count == 2 && std::strcmp(arguments[1], "list") == 0) {
        for (const auto& [name, operation] : operations) std::printf("%s\n", name.c_str());
        return 0;
    }
    const long rounds = count == 3 ? std::strtol(arguments[2], nullptr, 10) : 0;
    if (count != 3 || !operations.contains(arguments[1]) || rounds < 1 || rounds > rounds_max) {
        std::fprintf(stderr, "usage: stack_bench WHAT ROUNDS (1 to %ld), or stack_bench list\n",
                     rounds_max);
        return 2;
    }
    const Operation& operation = operations.at(arguments[1]);
    Bench bench;
    operation.prepare(bench);
    bench.pass(seconds{40});
    for (long i = 0; i < warm_up + rounds; ++i) {
        if (i == warm_up) {
            bench.done.clear();
            bench.counts = true;
        }
        operation.round(bench, i);
        bench.pass(between);
    }
    std::printf("{\"what\": \"%s\", \"rounds\": %ld", arguments[1], rounds);
    for (const auto& [what, times] : bench.done) std::printf(", \"%s\": %ld", what.c_str(), times);
    std::printf(", \"transactions\": %zu, \"memory\": %zu}\n", bench.transactions(),
                bench.memory().used());
    return 0;
}
