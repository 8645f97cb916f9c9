#include "apps/vigil/sizing.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <random>
#include <vector>

namespace vigil {

namespace {

constexpr std::array<std::string_view, 1> domains{"example.com"};
/// Tables have just doubled where there are so many: it costs most then.
constexpr std::array<unsigned, 2> looked_at{769, 1025};
constexpr unsigned many = looked_at.back();

/// Nothing here is kept from anybody.
struct ProbeEntropy final : sip::Entropy {
    void fill(std::span<std::byte> out) override {
        for (std::byte& byte : out) byte = static_cast<std::byte>(engine() & 0xff);
    }
    std::mt19937_64 engine{1};
};

/// A server under virtual time that peers ask for things, each from an address of its own.
class Probe {
public:
    Probe() : server_(std::make_unique<presence::Server>(options(), entropy_)) {
        if (!server_->add_listener({sip::ListenerId{1}, sip::Transport::udp, here_, {}}) ||
            !server_->add_listener({sip::ListenerId{2}, sip::Transport::tcp, here_, {}}))
            SIP_ASSERT(false);
    }
    /// What one of `many` costs; `make(i)` makes it. Transactions of others are over by then,
    /// unless they are `at_once`.
    template <class Make>
    std::size_t each(bool at_once, Make make) {
        const std::size_t before = memory().used();
        std::size_t most = 0;
        for (unsigned i = 1; i <= many; ++i) {
            make(i);
            drain();
            if (!at_once) pass(sip::seconds{40});
            // Old tables are given back once new ones stand: the room is needed for both.
            if (std::find(looked_at.begin(), looked_at.end(), i) != looked_at.end())
                most = std::max(most, (memory().used() - before) / i);
        }
        return most;
    }
    template <class Make>
    void one(Make make) {
        make();
        drain();
        if (answers) pass(sip::seconds{40});
    }
    void ask(unsigned i, std::string_view method, const std::string& from, const std::string& to,
             const std::string& fields, const std::string& body = {}) {
        const std::string n = std::to_string(++requests_);
        const std::string text =
            std::string(method) + " sip:" + to + " SIP/2.0\r\nVia: SIP/2.0/UDP " +
            "device-of-somebody.example.com:5060;rport;branch=z9hG4bK-0123456789-" + n +
            "\r\nMax-Forwards: 70\r\nFrom: \"Somebody\" <sip:" + from + ">;tag=0123456789" + n +
            "\r\nTo: <sip:" + (method == "REGISTER" ? from : to) + ">\r\nCall-ID: 0123456789-" + n +
            "@device-of-somebody.example.com\r\nCSeq: 1 " + std::string(method) +
            "\r\nContact: <sip:" + std::to_string(i) + "@192.0.2.200:5060;ob>\r\n" +
            "User-Agent: Some Telephone 1.2.3\r\nExpires: 604800\r\n" + fields +
            "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
        const std::vector<char> bytes(text.begin(), text.end());
        server_->input(now_, sip::Datagram{sip::ListenerId{1}, peer(i), bytes});
    }
    void connect(unsigned i) { (void)server_->accepted(now_, sip::Transport::tcp, here_, peer(i)); }
    static sip::Endpoint peer(unsigned i) {
        return {sip::Address::v4(10, 0, static_cast<std::uint8_t>(i / 250),
                                 static_cast<std::uint8_t>(i % 250 + 1)),
                5060};
    }
    sip::Memory& memory() { return server_->stack().shard().memory; }
    presence::Server& server() { return *server_; }
    sip::Now now() const { return now_; }
    /// NOTIFYs are answered as soon as they are out, unless told otherwise.
    bool answers = true;

private:
    presence::ServerOptions options() {
        presence::ServerOptions made;
        made.domains = domains;
        made.policy = presence::Policy::allow;
        made.expires_max_s = 10'000'000;
        made.limits.rate_strangers = made.limits.rate_source = 0;
        made.arena = arena_;
        return made;
    }
    void answer(std::string_view notify) {
        std::string text = "SIP/2.0 200 OK\r\n";
        for (std::size_t at = notify.find("\r\n") + 2; at < notify.size();) {
            const std::size_t end = notify.find("\r\n", at);
            const std::string_view line = notify.substr(at, end - at);
            if (line.empty()) break;
            for (const std::string_view name : {"Via:", "From:", "To:", "Call-ID:", "CSeq:"})
                if (line.starts_with(name)) text += std::string(line) + "\r\n";
            at = end + 2;
        }
        text += "Content-Length: 0\r\n\r\n";
        const std::vector<char> bytes(text.begin(), text.end());
        server_->input(now_, sip::Datagram{sip::ListenerId{1}, peer(0), bytes});
    }
    void drain() {
        for (;;) {
            const auto effect = server_->poll(now_);
            if (!effect && server_->deadline().value_or(sip::never) <= now_.mono) continue;
            if (!effect) break;
            const auto* out = std::get_if<sip::Transmit>(&*effect);
            if (out == nullptr || !answers) continue;
            if (out->packet.head.view().starts_with("NOTIFY"))
                answer(std::string(out->packet.head.view()));
        }
    }
    void pass(sip::Duration by) {
        const sip::Instant end = now_.mono + by;
        for (auto next = server_->deadline(); next && *next <= end; next = server_->deadline()) {
            now_.mono = std::max(now_.mono, *next);
            server_->advance(now_);
            drain();
        }
        now_.mono = end;
        now_.wall_ms += by / sip::milliseconds{1};
    }

    std::vector<std::byte> arena_ = std::vector<std::byte>(std::size_t{64} << 20);
    ProbeEntropy entropy_;
    sip::Endpoint here_{sip::Address::v4(192, 0, 2, 1), 5060};
    sip::Now now_{sip::Instant{} + sip::seconds{1000}, 1'767'225'600'000};
    unsigned requests_ = 0;
    std::unique_ptr<presence::Server> server_;
};

std::string user(unsigned i) { return "some.user" + std::to_string(i) + "@example.com"; }

std::string document(const std::string& of, std::size_t bytes) {
    std::string text =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><presence "
        "xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:" +
        of + "\"><tuple id=\"t1\"><status><basic>open</basic></status></tuple><note>";
    const std::size_t rest = std::string_view("</note></presence>").size();
    if (text.size() + rest < bytes) text.append(bytes - text.size() - rest, 'x');
    return text + "</note></presence>";
}

std::uint32_t count_of(double number, std::uint32_t least, std::uint32_t most) {
    return static_cast<std::uint32_t>(std::clamp<double>(number, least, most));
}

/// What is not counted by its number: what came by streams, and answers without memory.
double for_objects(std::size_t memory, const sip::Limits& limits) {
    const auto all = static_cast<double>(memory);
    return all * (1 - limits.stream_bytes_percent / 100.0) -
           std::min(all / 16, double{sip::Shard::reserve_bytes}) -
           static_cast<double>(limits.name_cache_bytes);
}

}  // namespace

Costs measure_costs(const Mix& mix) {
    const std::string event = "Event: presence\r\n";
    const std::string body_type = event + "Content-Type: application/pidf+xml\r\n";
    Probe probe;
    const auto subscribe = [&](unsigned i) {
        probe.ask(i, "SUBSCRIBE", user(10'000 + i), user(i), event);
    };
    const auto subscribe_too = [&](unsigned i) {
        probe.ask(i, "SUBSCRIBE", user(20'000 + i), user(i), event);
    };
    const auto bind = [&](unsigned i) { probe.ask(i, "REGISTER", user(i), "example.com", {}); };
    const auto publish = [&](unsigned i) {
        probe.ask(i, "PUBLISH", user(i), user(i), body_type, document(user(i), mix.document_bytes));
    };
    Costs costs;
    // The first of each makes the tables, and shows the room that is needed while it is answered.
    for (unsigned i = 0; i < 3; ++i) {
        probe.one([&] { subscribe(0), bind(0), publish(0); });
        probe.one([&] { probe.connect(0); });
    }
    costs.start = probe.memory().peak();
    const std::size_t watched = probe.each(false, subscribe);
    costs.subscription = probe.each(false, subscribe_too);
    costs.presentity = watched > costs.subscription ? watched - costs.subscription : 0;
    costs.binding = probe.each(false, bind);
    costs.connection = probe.each(true, [&](unsigned i) { probe.connect(i); });
    costs.publication = probe.each(false, publish);
    // Not methods of ours: refused, with a transaction.
    costs.completed_transaction =
        probe.each(true, [&](unsigned i) { probe.ask(i, "MESSAGE", user(i), user(i), {}); });
    costs.server_transaction =
        probe.each(true, [&](unsigned i) { probe.ask(i, "INVITE", user(i), user(i), {}); });
    probe.answers = false;
    const std::size_t before = probe.memory().used();
    probe.server().shut_down(probe.now(), presence::Server::Stop::probation);
    probe.one([] {});
    const std::size_t notifies = probe.server().stack().clients().size();
    const std::size_t taken = probe.memory().used() - std::min(before, probe.memory().used());
    costs.client_transaction = taken / std::max<std::size_t>(notifies, 1);
    return costs;
}

std::size_t bytes_at_limits(const sip::Limits& limits, const Costs& costs) {
    const std::size_t objects =
        limits.resources * costs.presentity + limits.subscriptions * costs.subscription +
        limits.publications * costs.publication + limits.bindings * costs.binding +
        limits.flows * costs.connection + limits.server_transactions * costs.server_transaction +
        limits.completed_transactions * costs.completed_transaction +
        limits.client_transactions * costs.client_transaction;
    // The last: free blocks that are too small, and tables while they grow.
    return costs.start + objects + objects / 8;
}

sip::Limits limits_within(std::size_t memory, const Mix& mix, const Costs& costs) {
    sip::Limits limits;
    limits.memory_bytes = memory;
    limits.stream_bytes_percent = 10;
    limits.name_cache_bytes = std::min(limits.name_cache_bytes, memory / 64);
    const auto set = [&](std::uint32_t presentities) {
        const double p = presentities;
        limits.resources = presentities;
        limits.subscriptions = count_of(p * mix.watchers, 4, 100'000'000);
        limits.publications = count_of(p * mix.publications, 4, 100'000'000);
        limits.bindings = count_of(p * mix.bindings, 4, 100'000'000);
        limits.flows = count_of(p * mix.connections, 8, 1'000'000);
        // All refresh within 20 minutes, twice over, and a twentieth is told at one time.
        const double objects = p * (mix.watchers + mix.publications + mix.bindings);
        limits.server_transactions = count_of(objects / 100, 64, 65'536);
        limits.completed_transactions = count_of(objects / 18, 64, 2'000'000);
        limits.client_transactions = count_of(p * mix.watchers / 20, 32, 65'536);
    };
    std::uint32_t fits = 0, too_many = 50'000'000;
    while (too_many - fits > 1) {
        const std::uint32_t middle = fits + (too_many - fits) / 2;
        set(middle);
        const bool is_in =
            static_cast<double>(bytes_at_limits(limits, costs)) <= for_objects(memory, limits);
        (is_in ? fits : too_many) = middle;
    }
    std::uint32_t unit = 1;
    while (fits / unit >= 100) unit *= 10;
    set(fits / unit * unit);
    limits.server_transactions_per_address = limits.server_transactions;
    limits.server_transactions_per_user =
        std::min(limits.server_transactions_per_user, limits.server_transactions);
    limits.subscriptions_per_resource = limits.subscriptions;
    limits.flows_per_address = std::min(limits.flows_per_address, limits.flows);
    limits.undecided_watchers = std::min(limits.undecided_watchers, limits.subscriptions);
    limits.rate_buckets = limits.known_sources =
        std::clamp<std::uint32_t>(limits.resources, 64, limits.rate_buckets);
    limits.nonces = std::clamp<std::uint32_t>(limits.resources, 64, limits.nonces);
    return limits;
}

std::size_t parse_size(const std::string& text) {
    constexpr std::string_view units = "KMG";
    std::size_t value = 0, at = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
        if (value > std::numeric_limits<std::size_t>::max() / 100) return 0;
        value = value * 10 + static_cast<std::size_t>(text[at] - '0');
    }
    if (at == 0) return 0;
    if (at == text.size()) return value;
    const auto unit = units.find(text[at]);
    if (unit == std::string_view::npos || at + 1 != text.size()) return 0;
    const std::size_t shift = 10 * (unit + 1);
    return value > std::numeric_limits<std::size_t>::max() >> shift ? 0 : value << shift;
}

}  // namespace vigil
