// What runs on a small device: all memory from one arena, and none from the system once it stands.
// The linker puts counters before malloc and operator new of everything in this program.

#include <doctest/doctest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "presence/agent.hpp"
#include "presence/server.hpp"
#include "sip/auth/digest_client.hpp"
#include "sip/event/subscriber.hpp"
#include "sip/registrar/registrant.hpp"
#include "tests/support/raw_peer.hpp"
#include "tests/support/seeded_entropy.hpp"
#include "tests/support/server_world.hpp"

namespace {

bool is_inside = false;  // the core is at work
std::size_t allocations = 0;
void count() { allocations += is_inside ? 1 : 0; }

}  // namespace

extern "C" {
#define COUNTED(name, parameters, arguments) \
    void* __real_##name parameters;          \
    void* __wrap_##name parameters;          \
    void* __wrap_##name parameters {         \
        count();                             \
        return __real_##name arguments;      \
    }
COUNTED(malloc, (std::size_t size), (size))
COUNTED(calloc, (std::size_t count_of, std::size_t size), (count_of, size))
COUNTED(realloc, (void* pointer, std::size_t size), (pointer, size))
#if SIZE_MAX == UINT32_MAX
COUNTED(_Znwj, (std::size_t size), (size))
COUNTED(_Znaj, (std::size_t size), (size))
#else
COUNTED(_Znwm, (std::size_t size), (size))
COUNTED(_Znam, (std::size_t size), (size))
#endif
}

namespace {

using sip::seconds;

constexpr std::size_t stack_looked_at = 256 * 1024;
constexpr unsigned char paint = 0xa5;

/// Fills the stack below its caller.
[[gnu::noinline]] void paint_stack() {
    volatile unsigned char room[stack_looked_at];
    for (std::size_t i = 0; i < sizeof room; ++i) room[i] = paint;
}
/// How much of it was written to since.
[[gnu::noinline]] std::size_t stack_used() {
    volatile unsigned char room[stack_looked_at];
    asm volatile("" : : "r"(room) : "memory");  // somebody has written there
    std::size_t untouched = 0;
    while (untouched < sizeof room && room[untouched] == paint) ++untouched;
    return sizeof room - untouched;
}

/// A core whose calls are watched.
template <class Core>
class Watched {
public:
    explicit Watched(Core& core) : core_(core) {}

    bool add_listener(const sip::Listeners::Listener& listener) {
        return core_.add_listener(listener);
    }
    template <class In>
    void input(const sip::Now& now, const In& in) {
        run([&] { core_.input(now, in); });
    }
    auto poll(const sip::Now& now) {
        std::optional<sip::Effect> effect;
        run([&] { effect = core_.poll(now); });
        return effect;
    }
    void advance(const sip::Now& now) {
        run([&] { core_.advance(now); });
    }
    auto deadline() { return core_.deadline(); }
    sip::FlowId accepted(const sip::Now& now, sip::Transport transport, sip::Endpoint local,
                         sip::Endpoint remote) {
        return core_.accepted(now, transport, local, remote);
    }
    void resolved(const sip::Now& now, const sip::NameAnswer& answer) {
        core_.resolved(now, answer);
    }
    void committed(const sip::Now& now, sip::CommitId id) { core_.committed(now, id); }
    void failed(const sip::Now& now, sip::CommitId id) { core_.failed(now, id); }
    template <class Work>
    void run(Work work) {
        if (measures_stack) paint_stack();
        is_inside = true;
        work();
        is_inside = false;
        if (!measures_stack) return;
        if (const std::size_t used = stack_used(); used > deepest) deepest = used;
    }

    bool measures_stack = false;
    std::size_t deepest = 0;

private:
    Core& core_;
};

struct Phone final : presence::AgentUser {
    std::string text = pidf_document("open");
    std::string_view document() const override { return text; }
    presence::Policy policy_for(std::string_view) const override { return presence::Policy::allow; }
};

RawRequest subscribe_of(const std::string& watcher, const std::string& presentity, unsigned s) {
    RawRequest request = ServerWorld::subscribe(watcher, presentity, s);
    request.fields.insert(request.fields.begin(),
                          "P-Asserted-Identity: <sip:" + watcher + "@example.com>");
    return request;
}

// AddressSanitizer keeps variables elsewhere.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ADDRESS_SANITIZER
#endif
#endif
#if defined(WITH_ADDRESS_SANITIZER) || defined(__SANITIZE_ADDRESS__)
constexpr bool sees_stack = false;
#else
constexpr bool sees_stack = true;
#endif

/// A dialog that a watcher keeps.
struct Dialog {
    RawRequest request;
    RawMessage notify;
};

template <class World>
void refresh(World& raw, Dialog& dialog, unsigned expires) {
    dialog.request = ServerWorld::resubscribe(dialog.request, dialog.notify, expires);
    CHECK(raw.ask(dialog.request).status() == 200);
    CHECK(raw.take("NOTIFY"));
}

/// An agent of alice's with ten watchers at most, which live in `arena`.
presence::AgentOptions options_of_ten(std::span<std::byte> arena) {
    presence::AgentOptions options;
    options.presentity = "alice@example.com";
    (void)options.trusted.networks.add({sip::Address::v4(192, 0, 2, 99), 128});
    options.limits = presence::Agent::limits_for(10);
    options.arena = arena;
    return options;
}

}  // namespace

TEST_CASE("an edge agent with ten watchers lives in 256 KB, and allocates nothing once it stands") {
    static constexpr std::size_t ram = 256 * 1024;
    std::vector<std::byte> arena(96 * 1024);
    Phone phone;
    SeededEntropy entropy;
    presence::AgentOptions options = options_of_ten(arena);
    presence::Agent agent(options, phone, entropy);
    sip::Registrant registrant(agent.stack().core());
    registrant.attach_as(agent.stack().attach(registrant, sip::Registrant::methods));
    sip::DigestClient password(agent.stack().shard().memory, entropy);
    REQUIRE(password.add_password("", "alice", "wonderland"));
    Watched<sip::Stack> watched(agent.stack());
    watched.measures_stack = sees_stack;
    RawWorld<Watched<sip::Stack>> raw(watched);
    allocations = 0;

    sip::RegisterOptions contact;
    contact.peer = {
        .uri = "sip:alice@example.com", .contact_user = "alice", .credentials = &password};
    contact.peer.next_hop.remote = raw.peer;
    watched.run([&] { CHECK(registrant.register_contact(raw.now, contact)); });
    raw.drain();
    raw.answer(raw.take("REGISTER"), 401, "Unauthorized",
               {"WWW-Authenticate: Digest realm=\"example.com\", nonce=\"n\", qop=\"auth\""});
    const RawMessage proved = raw.take("REGISTER");
    CHECK(proved.has("Authorization"));
    raw.answer(proved, 200, "OK", {"Contact: " + proved.field("Contact") + ";expires=3600"});
    std::vector<Dialog> dialogs;
    for (int i = 0; i < 10; ++i) {
        const RawRequest request = subscribe_of("watcher" + std::to_string(i), "alice", 3600);
        REQUIRE(raw.ask(request).status() == 200);
        dialogs.push_back({request, raw.take("NOTIFY")});
        CHECK(dialogs.back().notify.body() == phone.text);
    }
    for (int minute = 0; minute < 240; ++minute) {  // four hours
        phone.text = pidf_document(minute % 2 == 0 ? "closed" : "open");
        raw.sent.clear();
        watched.run([&] { agent.state_changed(raw.now); });
        raw.drain();
        raw.pass(seconds{60});
        for (int i = 0; i < 10; ++i) CHECK(raw.take("NOTIFY").body() == phone.text);
        if (minute % 30 == 29)
            for (Dialog& dialog : dialogs) refresh(raw, dialog, 3600);
    }
    for (Dialog& dialog : dialogs) refresh(raw, dialog, 0);
    CHECK(agent.idle());
    CHECK(allocations == 0);
    CHECK(agent.stack().shard().memory.refusals() == 0);
    const std::size_t objects = sizeof agent + sizeof registrant + sizeof password;
    MESSAGE("objects " << objects << ", arena " << agent.stack().shard().memory.peak() << " of "
                       << arena.size() << ", stack " << watched.deepest);
    CHECK(objects + arena.size() + watched.deepest <= ram);
}

/// Ten watchers of an agent come, are told, and leave; an eleventh is refused. Then all is over.
void fill_and_empty(RawWorld<Watched<sip::Stack>>& raw, Watched<sip::Stack>& watched,
                    presence::Agent& agent, Phone& phone, const std::string& round) {
    std::vector<Dialog> dialogs;
    for (int i = 0; i < 10; ++i) {
        RawRequest request = subscribe_of("watcher" + std::to_string(i), "alice", 3600);
        request.call_id += round + std::to_string(i);
        REQUIRE(raw.ask(request).status() == 200);
        dialogs.push_back({request, raw.take("NOTIFY")});
    }
    RawRequest one_more = subscribe_of("eleventh", "alice", 3600);
    one_more.call_id += round;
    CHECK(raw.ask(one_more).status() == 503);
    for (int change = 0; change < 4; ++change) {
        phone.text = pidf_document(change % 2 == 0 ? "closed" : "open");
        raw.sent.clear();
        watched.run([&] { agent.state_changed(raw.now); });
        raw.drain();
        raw.pass(seconds{10});
        for (int i = 0; i < 10; ++i) CHECK(raw.take("NOTIFY").body() == phone.text);
    }
    for (Dialog& dialog : dialogs) refresh(raw, dialog, 3600);
    for (Dialog& dialog : dialogs) refresh(raw, dialog, 0);
    CHECK(agent.idle());
    raw.pass(seconds{40});
}

TEST_CASE(
    "an agent that reserves takes nothing that lasts after its start, and refuses at a limit") {
    std::vector<std::byte> arena(224 * 1024);
    Phone phone;
    SeededEntropy entropy;
    presence::AgentOptions options = options_of_ten(arena);
    options.limits.reserve = true;
    presence::Agent agent(options, phone, entropy);
    sip::Registrant registrant(agent.stack().core());
    registrant.attach_as(agent.stack().attach(registrant, sip::Registrant::methods));
    REQUIRE(agent.stack().has_room());
    Watched<sip::Stack> watched(agent.stack());
    RawWorld<Watched<sip::Stack>> raw(watched);
    sip::Memory& memory = agent.stack().shard().memory;
    allocations = 0;
    const std::size_t used = memory.used(), largest = memory.heap().largest();
    MESSAGE("reserved " << used << ", largest free " << largest);
    for (const char* round : {"first", "second"}) {
        fill_and_empty(raw, watched, agent, phone, round);
        // A table that had grown would have kept what it took.
        CHECK(memory.used() == used);
        CHECK(memory.heap().largest() == largest);
        watched.run([&] { agent.stack().trim(); });
        CHECK(memory.used() == used);
    }
    CHECK(allocations == 0);
    CHECK(memory.refusals() == 0);
    CHECK(agent.stack().counters().limit_subscriptions == 2);
    MESSAGE("peak " << memory.peak());
}

TEST_CASE("T-35: an agent whose arena is too small for what it would reserve says so, and lives") {
    for (const std::size_t size : {2'048U, 16'384U, 65'536U, 98'304U}) {
        std::vector<std::byte> arena(size);
        Phone phone;
        SeededEntropy entropy;
        presence::AgentOptions options;
        options.presentity = "alice@example.com";
        options.limits = presence::Agent::limits_for(10);
        options.limits.reserve = true;
        options.arena = arena;
        presence::Agent agent(options, phone, entropy);
        CHECK_FALSE(agent.stack().has_room());
        agent.stack().advance({});
        CHECK_FALSE(agent.stack().poll({}));
    }
}

TEST_CASE("a server with 1,000 presentities and 5,000 subscriptions lives in 8 MB") {
    static constexpr std::size_t ram = std::size_t{8} << 20;
    std::vector<std::byte> arena(ram - 256 * 1024);
    SeededEntropy entropy;
    presence::ServerOptions options = ServerWorld::open();
    options.arena = arena;
    options.exempt = {};
    options.limits.rate_source = options.limits.rate_user = options.limits.rate_strangers = 0;
    presence::Server server(options, entropy);
    Watched<presence::Server> watched(server);
    RawWorld<Watched<presence::Server>> raw(watched);
    sip::Memory& memory = server.stack().shard().memory;
    allocations = 0;
    const std::size_t at_start = memory.used();
    ServerWorld texts;
    for (int i = 0; i < 1'000; ++i) {
        const std::string user = "user" + std::to_string(i);
        const std::string entity = "sip:" + user + "@example.com";
        const int status =
            raw.ask(texts.publish(user, pidf_document("open", "t1", {}, {}, entity))).status();
        if (status != 200) FAIL("publication " << i << ": " << status);
        raw.pass(sip::milliseconds{20});
    }
    const std::size_t published = memory.used();
    for (int i = 0; i < 5'000; ++i) {
        const std::string watched_user = "user" + std::to_string(i % 1'000);
        const std::string watcher = "user" + std::to_string((i * 7 + i / 1'000) % 1'000);
        RawRequest request = ServerWorld::subscribe(watcher, watched_user, 3600);
        request.call_id += std::to_string(i);
        request.from += std::to_string(i);
        const int status = raw.ask(request).status();
        if (status != 200) FAIL("subscription " << i << ": " << status);
        raw.pass(sip::milliseconds{20});
    }
    MESSAGE("object " << sizeof server << ", start " << at_start << ", 1,000 publications "
                      << published - at_start << ", 5,000 subscriptions "
                      << memory.used() - published << ", peak " << memory.peak());
    raw.pass(seconds{40});
    MESSAGE("at rest " << memory.used() << ", largest free " << memory.heap().largest());
    CHECK(server.notifier().size() == 5'000);
    CHECK(allocations == 0);
    CHECK(memory.refusals() == 0);
}
