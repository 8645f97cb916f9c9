// An event package of our own, "door": whether a door is open, served to whoever subscribes.
//   custom_package LISTENER
//   custom_package udp:127.0.0.1:5070
// SIGUSR1 opens or closes the door, Ctrl-C ends. To watch it:
//   watch udp:127.0.0.1:5070 sip:front@house sip:bob@house '' door text/plain
#include <array>
#include <csignal>
#include <cstdio>

#include "apps/edge/net/clock.hpp"
#include "apps/edge/net/driver.hpp"
#include "apps/edge/net/entropy.hpp"
#include "sip/event/event_headers.hpp"
#include "sip/event/notifier.hpp"
#include "sip/stack.hpp"

// What RFC 6665 5.4 wants defined: name, body type, how long a subscription lasts, how often
// watchers hear, who may watch, and what they see.
class DoorPackage final : public sip::EventPackage {
public:
    DoorPackage() {
        traits_.name = "door";
        traits_.accept = types_;
        traits_.expires_default_s = traits_.expires_max_s = 600;
        traits_.notify_interval_min = sip::milliseconds{200};
    }
    void toggle() { open_ = !open_; }

    const Traits& traits() const override { return traits_; }
    bool exists(std::string_view resource) const override { return resource == "front@house"; }
    sip::Decision decide(const sip::Now&, const sip::Watcher&) override {
        return {sip::SubscriptionDecision::active, everybody};
    }
    sip::Expected<std::size_t> render(const sip::Now&, sip::ResourceId, std::string_view,
                                      sip::ViewId, std::string_view,
                                      std::span<char> room) override {
        sip::Appender out(room);
        out << (open_ ? "open" : "closed");
        return out.size();
    }

private:
    static constexpr sip::ViewId everybody{0};
    static constexpr std::array<std::string_view, 1> types_{"text/plain"};
    Traits traits_;
    bool open_ = false;
};

int main(int count, char** arguments) {
    const auto listener = edge::parse_listen_spec(count == 2 ? arguments[1] : "");
    if (!listener) return 2;
    edge::OsEntropy entropy;
    sip::Stack stack({}, entropy);
    DoorPackage door;
    sip::EventPackages packages;
    if (!packages.add(door)) return 1;
    sip::EventCapabilities capabilities(packages);
    sip::Resources resources(stack.shard());
    sip::Notifier notifier(stack.core(), packages, resources, {});
    constexpr std::array methods{sip::Method::subscribe};
    notifier.attach_as(stack.attach(notifier, methods));
    stack.set_capabilities(&capabilities);  // Allow-Events in answers to OPTIONS

    edge::EngineOf<sip::Stack> engine(stack);
    edge::Driver driver(engine);
    if (!driver.listen({&*listener, 1})) return 1;
    std::printf("%s\n", driver.ready_line().c_str());
    std::fflush(stdout);
    driver.on_signal(SIGUSR1, [&] {
        door.toggle();
        notifier.state_changed(edge::read_clocks(), 0, "front@house");  // 0: the first package
    });
    driver.on_signal(SIGINT, [&] { driver.stop(); });
    driver.run();
}
