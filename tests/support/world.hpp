#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "sip/event/compositor.hpp"
#include "sip/event/event_headers.hpp"
#include "sip/event/notifier.hpp"
#include "sip/event/publisher.hpp"
#include "sip/event/subscriber.hpp"
#include "sip/stack.hpp"
#include "sip/transport/certificate_names.hpp"
#include "tests/support/echo_package.hpp"
#include "tests/support/seeded_entropy.hpp"

/// What the network does to what passes it. Probabilities from 0 to 1, by datagram.
struct Weather {
    double loss = 0, duplication = 0;
    /// Each datagram takes a time between these, so that a wide span puts them out of order.
    sip::Duration delay_min = sip::milliseconds{5}, delay_max = sip::milliseconds{20};
    /// Streams: bytes that arrive at a time; 0: as they were sent.
    std::size_t piece = 0;
};

class World;

/// A host: one stack, its listeners at `at` by UDP and TCP.
class Node {
public:
    Node(World& world, std::uint8_t number, const sip::StackOptions& options = {});
    /// `stack` belongs to what the host runs.
    Node(World& world, std::uint8_t number, sip::Stack& stack);
    virtual ~Node() = default;
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;
    /// Called whenever the stack came to rest.
    virtual void look() {}
    virtual std::optional<sip::Effect> poll();

    /// From now on it speaks TLS at port 5061, and its certificate proves `names`.
    void certify(std::vector<std::string> names) {
        proves = std::move(names);
        (void)stack.add_listener({tls, sip::Transport::tls, {at.address, 5061}, {}});
    }

    static constexpr sip::ListenerId udp{1}, tcp{2}, tls{3};
    std::vector<std::string> proves;
    World& world;
    sip::Endpoint at;
    SeededEntropy entropy;
    std::optional<sip::Stack> own_stack;
    sip::Stack& stack;
    bool dead = false;  ///< nothing reaches it, and it does nothing
    std::uint16_t next_port = 40'000;
};

/// Nodes and what is on its way between them, under one virtual time and one seed: the same seed
/// gives the same run, byte for byte.
class World {
public:
    explicit World(std::uint64_t seed_given) : seed(seed_given), random_(seed_given) {}

    const std::uint64_t seed;
    sip::Now now{sip::Instant{} + sip::seconds{1000}, 1'767'225'600'000};
    Weather weather;
    /// Told of each datagram before it leaves; true: it is lost.
    std::function<bool(const Node& from, const std::string& text)> drops;
    /// Everything that was sent, in order: "from port> text".
    std::vector<std::string> sent;
    bool keep_sent = false;

    /// Time moves on by `by`, from each deadline or arrival to the next.
    void pass(sip::Duration by) {
        const sip::Instant end = now.mono + by;
        drain_all();
        for (;;) {
            sip::Instant next = queue_.empty() ? sip::never : queue_.begin()->first.first;
            for (Node* node : nodes_)
                if (const auto due = node->stack.deadline(); due && !node->dead)
                    next = std::min(next, *due);
            if (next > end) break;
            if (next > now.mono) move_to(next);
            while (!queue_.empty() && queue_.begin()->first.first <= now.mono) {
                const auto event = std::move(queue_.begin()->second);
                queue_.erase(queue_.begin());
                event();
            }
            for (Node* node : nodes_)
                if (!node->dead) node->stack.advance(now);
            drain_all();
        }
        move_to(end);
        drain_all();
    }
    /// The wall clock is set: monotonic time does not see it.
    void set_wall_clock(std::int64_t by_ms) { now.wall_ms += by_ms; }
    /// Every connection breaks, and both ends notice.
    void cut_connections() {
        auto broken = std::move(connections_);
        connections_.clear();
        for (const auto& connection : broken)
            for (const End& end : connection->ends)
                if (end.flow != sip::FlowId{} && !end.node->dead)
                    end.node->stack.closed(now, end.flow);
        drain_all();
    }
    std::size_t connections() const { return connections_.size(); }
    void add(Node& node) { nodes_.push_back(&node); }
    void remove(Node& node) {
        std::erase(nodes_, &node);
        std::erase_if(connections_, [&](const auto& connection) {
            return connection->ends[0].node == &node || connection->ends[1].node == &node;
        });
    }
    /// What `node` has to do now is done. Tests call it after they called a part of its stack.
    void drain_all() {
        for (bool any = true; any;) {
            any = false;
            for (std::size_t i = 0; i < nodes_.size(); ++i) any |= drain(*nodes_[i]);
        }
    }

private:
    struct End {
        Node* node = nullptr;
        sip::FlowId flow{};
        sip::Instant last{};  ///< when the last of what is on its way here arrives
    };
    struct Connection {
        std::array<End, 2> ends;
    };
    using ConnectionPtr = std::shared_ptr<Connection>;

    void move_to(sip::Instant at) {
        now.wall_ms += std::chrono::duration_cast<sip::milliseconds>(at - now.mono).count();
        now.mono = at;
    }
    void later(sip::Instant at, std::function<void()> what) {
        queue_.emplace(std::pair{at, ++order_}, std::move(what));
    }
    bool chance(double probability) {
        return probability > 0 && std::uniform_real_distribution<>(0, 1)(random_) < probability;
    }
    sip::Duration delay() {
        return sip::Duration{std::uniform_int_distribution<std::int64_t>(
            weather.delay_min.count(), weather.delay_max.count())(random_)};
    }
    Node* node_at(const sip::Endpoint& endpoint, sip::Transport by = sip::Transport::udp) {
        for (Node* node : nodes_)
            for (const auto& listener : node->stack.core().transport.listeners())
                if (listener.transport == by && listener.local == endpoint) return node;
        return nullptr;
    }
    /// RFC 5922 7.3: what the edge does for the core.
    static bool is_who_was_meant(const Node& peer, sip::Transport by, std::string_view domain) {
        return by != sip::Transport::tls ||
               std::any_of(peer.proves.begin(), peer.proves.end(), [&](const std::string& name) {
                   return sip::is_same_domain(name, domain);
               });
    }
    void secure(Node& node, sip::FlowId flow, const Node& peer) {
        const std::vector<std::string_view> names(peer.proves.begin(), peer.proves.end());
        node.stack.secured(now, flow, names);
    }
    bool is_there(const Node* wanted) const {
        return std::find(nodes_.begin(), nodes_.end(), wanted) != nodes_.end();
    }
    ConnectionPtr connection_of(const Node& node, sip::FlowId flow) {
        for (const auto& connection : connections_)
            for (const End& end : connection->ends)
                if (end.node == &node && end.flow == flow) return connection;
        return {};
    }

    bool drain(Node& node) {
        bool any = false;
        while (!node.dead) {
            auto effect = node.poll();
            const auto next = effect ? std::nullopt : node.stack.deadline();
            if (next && *next <= now.mono) continue;
            if (!effect) break;
            any = true;
            carry_out(node, *effect);
        }
        if (!node.dead) node.look();
        return any;
    }
    void carry_out(Node& node, const sip::Effect& effect) {
        if (const auto* out = std::get_if<sip::Transmit>(&effect)) {
            std::string text(out->packet.head.view());
            text += out->packet.body.view();
            if (keep_sent) sent.push_back(std::to_string(node.at.address.bytes[15]) + "> " + text);
            if (const auto* to = std::get_if<sip::ToEndpoint>(&out->where))
                send_datagram(node, to->to, text);
            else
                send_bytes(node, std::get<sip::FlowId>(out->where), text);
        } else if (const auto* wanted = std::get_if<sip::OpenFlow>(&effect)) {
            open(node, *wanted);
        } else if (const auto* gone = std::get_if<sip::CloseFlow>(&effect)) {
            close(node, gone->flow);
        }
    }
    void send_datagram(Node& from, const sip::Endpoint& to, const std::string& text) {
        if (drops && drops(from, text)) return;
        const int copies = chance(weather.duplication) ? 2 : 1;
        for (int i = 0; i < copies; ++i) {
            if (chance(weather.loss)) continue;
            later(now.mono + delay(), [this, source = from.at, to, text] {
                Node* node = node_at(to);
                if (node == nullptr || node->dead) return;
                const std::vector<char> bytes(text.begin(), text.end());
                node->stack.input(now, sip::Datagram{Node::udp, source, bytes});
                drain(*node);
            });
        }
    }
    void send_bytes(Node& from, sip::FlowId flow, const std::string& text) {
        const ConnectionPtr connection = connection_of(from, flow);
        if (!connection) return;
        End& there = connection->ends[connection->ends[0].node == &from ? 1 : 0];
        there.last = std::max(now.mono + delay(), there.last);
        later(there.last, [this, connection, &there, text] {
            const std::size_t piece = weather.piece == 0 ? text.size() : weather.piece;
            for (std::size_t i = 0; i < text.size(); i += piece) {
                if (!stands(connection) || there.node->dead) return;
                const std::vector<char> bytes(
                    text.begin() + static_cast<std::ptrdiff_t>(i),
                    text.begin() + static_cast<std::ptrdiff_t>(std::min(text.size(), i + piece)));
                there.node->stack.input(now, sip::Chunk{there.flow, bytes});
                drain(*there.node);
            }
        });
    }
    bool stands(const ConnectionPtr& connection) const {
        return std::find(connections_.begin(), connections_.end(), connection) !=
               connections_.end();
    }
    void open(Node& from, sip::OpenFlow wanted) {
        const std::string domain(wanted.domain.view());
        wanted.domain = {};  // what is under way holds no memory of a node
        later(now.mono + delay(), [this, &from, wanted, domain] {
            if (!is_there(&from) || from.dead) return;
            Node* to = node_at(wanted.to, wanted.transport);
            if (to != nullptr && to->dead) return;  // nobody says anything
            if (to != nullptr && !is_who_was_meant(*to, wanted.transport, domain)) to = nullptr;
            const sip::Endpoint local{from.at.address, from.next_port++};
            const sip::FlowId there =
                to == nullptr ? sip::FlowId{}
                              : to->stack.accepted(now, wanted.transport, wanted.to, local);
            if (there == sip::FlowId{}) {
                from.stack.closed(now, wanted.flow);
            } else {
                auto made = std::make_shared<Connection>();
                made->ends = {End{&from, wanted.flow, {}}, End{to, there, {}}};
                connections_.push_back(made);
                if (wanted.transport == sip::Transport::tls) {
                    secure(*to, there, from);
                    secure(from, wanted.flow, *to);
                }
                from.stack.connected(now, wanted.flow, local);
            }
            drain(from);
        });
    }
    void close(Node& from, sip::FlowId flow) {
        const ConnectionPtr connection = connection_of(from, flow);
        if (!connection) return;
        End& there = connection->ends[connection->ends[0].node == &from ? 1 : 0];
        there.last = std::max(now.mono + delay(), there.last);
        later(there.last, [this, connection, &there] {
            if (!stands(connection)) return;
            std::erase(connections_, connection);
            if (there.node->dead) return;
            there.node->stack.closed(now, there.flow);
            drain(*there.node);
        });
    }

    std::mt19937_64 random_;
    std::map<std::pair<sip::Instant, std::uint64_t>, std::function<void()>> queue_;
    std::uint64_t order_ = 0;
    std::vector<Node*> nodes_;
    std::vector<ConnectionPtr> connections_;
};

inline Node::Node(World& world_given, std::uint8_t number, const sip::StackOptions& options)
    : world(world_given),
      at{sip::Address::v4(192, 0, 2, number), 5060},
      entropy(world_given.seed * 1'000 + number),
      stack(own_stack.emplace(options, entropy)) {
    (void)stack.add_listener({udp, sip::Transport::udp, at, {}});
    (void)stack.add_listener({tcp, sip::Transport::tcp, at, {}});
}

inline Node::Node(World& world_given, std::uint8_t number, sip::Stack& stack_given)
    : world(world_given),
      at{sip::Address::v4(192, 0, 2, number), 5060},
      entropy(world_given.seed * 1'000 + number),
      stack(stack_given) {
    (void)stack.add_listener({udp, sip::Transport::udp, at, {}});
    (void)stack.add_listener({tcp, sip::Transport::tcp, at, {}});
}

inline std::optional<sip::Effect> Node::poll() { return stack.poll(world.now); }

/// An event server with the echo package.
class NotifierNode final : public Node {
public:
    explicit NotifierNode(World& world_given, std::uint8_t number = 1)
        : Node(world_given, number),
          resources(stack.shard()),
          notifier(stack.core(), packages, resources, {}),
          compositor(stack.core(), packages, resources, notifier) {
        echo.compositor = &compositor;
        (void)packages.add(echo);
        constexpr std::array subscribe{sip::Method::subscribe};
        constexpr std::array publish{sip::Method::publish};
        notifier.attach_as(stack.attach(notifier, subscribe));
        compositor.attach_as(stack.attach(compositor, publish));
        world.add(*this);
    }
    ~NotifierNode() override { world.remove(*this); }
    /// What `body` is told as.
    static std::string document(const std::string& body) {
        return "alice@example.com/0/text/plain\n" + (body.empty() ? "" : body + "\n");
    }
    /// The state changes without a publisher.
    void set_state(const std::string& text) {
        echo.extra = text.empty() ? "" : text + "\n";
        notifier.state_changed(world.now, 0, "alice@example.com");
        world.drain_all();
    }

    EchoPackage echo;
    sip::EventPackages packages;
    sip::Resources resources;
    sip::Notifier notifier;
    sip::Compositor compositor;
};

/// One who watches alice, and writes down the news.
class WatcherNode final : public Node {
public:
    explicit WatcherNode(World& world_given, std::uint8_t number = 10)
        : Node(world_given, number), subscriber(stack.core()) {
        traits.name = "echo";
        traits.accept = types;
        (void)subscriber.add_package(traits);
        subscriber.attach_as(stack.attach(subscriber, sip::Subscriber::methods));
        world.add(*this);
    }
    ~WatcherNode() override { world.remove(*this); }

    bool watch(sip::Transport transport = sip::Transport::udp, std::uint32_t expires_s = 600,
               const sip::Endpoint& server = {sip::Address::v4(192, 0, 2, 1), 5060}) {
        sip::SubscribeOptions options;
        options.peer.uri = "sip:alice@example.com";
        options.peer.from = "sip:bob@example.com";
        options.peer.contact_user = "bob";
        options.peer.next_hop = {
            transport, transport == sip::Transport::udp ? udp : sip::ListenerId{}, {}, server};
        options.event = "echo";
        options.expires_s = expires_s;
        const auto made = subscriber.subscribe(world.now, options);
        if (made) id = *made;
        world.drain_all();
        return made.has_value();
    }
    void look() override {
        using Kind = sip::SubscriptionNotice::Kind;
        while (const auto notice = subscriber.next_notice()) {
            switch (notice->kind) {
                case Kind::accepted: news.push_back("accepted"); break;
                case Kind::waiting: news.push_back("waiting"); break;
                case Kind::ended: news.push_back("ended"); break;
                case Kind::notified:
                    state = std::string(notice->body.view());
                    news.push_back("notified " + state);
            }
        }
    }

    static constexpr std::array<std::string_view, 1> types{"text/plain"};
    sip::EventPackage::Traits traits;
    sip::Subscriber subscriber;
    sip::WatchId id;
    std::string state;              ///< the last document
    std::vector<std::string> news;  ///< in order
};

/// Alice, who publishes her state.
class PublisherNode final : public Node {
public:
    explicit PublisherNode(World& world_given, std::uint8_t number = 20)
        : Node(world_given, number), publisher(stack.core()) {
        publisher.attach_as(stack.attach(publisher, sip::Publisher::methods));
        world.add(*this);
    }
    ~PublisherNode() override { world.remove(*this); }

    /// Publishes, or modifies what was published before.
    void publish(const std::string& body, sip::Transport transport = sip::Transport::udp) {
        if (id && publisher.modify(world.now, id, body)) {
            world.drain_all();
            return;
        }
        sip::PublishOptions options;
        options.peer.uri = "sip:alice@example.com";
        options.peer.next_hop = {
            transport, transport == sip::Transport::udp ? udp : sip::ListenerId{}, {}, server};
        options.event = "echo";
        options.content_type = "text/plain";
        options.body = body;
        options.expires_s = 600;
        const auto made = publisher.publish(world.now, options);
        id = made ? *made : sip::PublishId{};
        world.drain_all();
    }
    void look() override {
        while (const auto notice = publisher.next_notice()) {
            if (notice->kind == sip::PublicationNotice::Kind::failed) id = {};
        }
    }

    sip::Publisher publisher;
    sip::PublishId id;
    sip::Endpoint server{sip::Address::v4(192, 0, 2, 1), 5060};
};
