#include "tests/sim/phone_host.hpp"

#include <algorithm>
#include <array>

#include "tests/sim/server_host.hpp"

namespace sim {
namespace {

constexpr std::uint64_t retry_label = 4;
/// Longer than Timer N by any clock, counted from the last copy of a SUBSCRIBE.
constexpr Time wait_max = 60 * second;

constexpr std::array<std::string_view, 1> types{"application/pidf+xml"};
constexpr std::array<std::string_view, 1> watcher_info_types{"application/watcherinfo+xml"};

}  // namespace

PhoneHost::Parts::Parts(const sip::StackOptions& options, std::uint64_t seed)
    : entropy(seed),
      stack(options, entropy),
      credentials(stack.shard().memory, entropy),
      subscriber(stack.core()),
      publisher(stack.core()),
      registrant(stack.core()) {
    traits.name = "presence";
    traits.accept = types;
    (void)subscriber.add_package(traits);
    watcher_info_traits.name = "presence.winfo";
    watcher_info_traits.accept = watcher_info_types;
    watcher_info_traits.forks = sip::EventPackage::Forks::merge;
    (void)subscriber.add_package(watcher_info_traits);
    subscriber.attach_as(stack.attach(subscriber, sip::Subscriber::methods));
    publisher.attach_as(stack.attach(publisher, sip::Publisher::methods));
    registrant.attach_as(stack.attach(registrant, sip::Registrant::methods));
}

PhoneHost::PhoneHost(World& world_given, const Setup& setup, unsigned phone_given,
                     unsigned user_given, bool by_tcp_given, const sip::Address& address)
    : Host(world_given, "phone" + std::to_string(phone_given), address),
      phone(phone_given),
      user(user_given),
      by_tcp(by_tcp_given),
      setup_(setup),
      watches_(setup.users) {}

void PhoneHost::start() {
    if (parts_) return;
    ++boot;
    sip::StackOptions options;
    options.limits.known_source_lifetime = sip::seconds{3600};  // over when a world ends
    parts_ =
        std::make_unique<Parts>(options, Random::scramble(setup_.seed ^ (number + 1) << 32 ^ boot));
    add_listeners(parts_->stack);
    if (is_agent()) parts_->agent.emplace(parts_->stack, setup_.presentity(user), document());
    for (unsigned i = 0; setup_.digest && i < setup_.servers; ++i)
        (void)parts_->credentials.add_password(setup_.domain_of(i), "u" + std::to_string(user),
                                               Accounts::password(user));
    conversations_ = std::make_unique<Conversations>(world, name);
    memory_at_start = memory();
    for (unsigned i = 0; i < watches_.size(); ++i)
        if (watches_[i].wanted) subscribe(i);
    if (wants_watchers_) subscribe_to_watchers();
    if (wants_publication_) publish_now();
    if (wants_registration_) register_now();
    world.drain(*this);
}

void PhoneHost::crash() {
    for (Watch& watch : watches_) watch = {watch.wanted, false, {}, {}, {}, 0, watch.back_at};
    publication_live_ = publication_leaves_ = registration_live_ = false;
    watchers_.reset();
    parts_.reset();
    next_wake = no_time;
}

sip::UacOptions PhoneHost::peer(const std::string& uri, const std::string& from, unsigned server) {
    sip::UacOptions options;
    options.uri = uri;
    options.from = from;
    options.contact_user = "phone";
    options.credentials = &parts_->credentials;
    if (by_name) {
        hop_ = "sip:" + setup_.domain_of(server) + (by_tcp ? ";transport=tcp" : "");
        options.next_hop_uri = hop_;
        return options;
    }
    options.next_hop = {by_tcp ? sip::Transport::tcp : sip::Transport::udp,
                        by_tcp ? tcp : udp,
                        {},
                        {sip::Address::v4(192, 0, 2, static_cast<std::uint8_t>(1 + server)), 5060}};
    if (by_tls)
        options.next_hop = {
            sip::Transport::tls,
            {},
            {},
            {options.next_hop.remote.address, tls_port},
            sip::SharedBytes::copy(parts_->stack.shard().memory, setup_.domain_of(server))};
    return options;
}

void PhoneHost::try_again(std::function<void()> what) {
    Random random(setup_.seed ^ retry_label, (static_cast<std::uint64_t>(phone) << 32) + ++tries_);
    world.at(world.now + random.between(20 * second, 60 * second),
             [this, what = std::move(what), when = boot] {
                 if (!parts_ || boot != when) return;
                 what();
                 world.drain(*this);
             });
}

// Watching ----------------------------------------------------------------------------------------

void PhoneHost::subscribe(unsigned presentity) {
    Watch& watch = watches_[presentity];
    if (!watch.wanted || watch.live || !parts_) return;
    const unsigned server = setup_.home_of(presentity);
    const std::string uri = (by_tls ? "sips:" : "sip:") + setup_.presentity(presentity);
    const std::string from = "sip:" + setup_.address_of(user, server);
    sip::SubscribeOptions options;
    options.peer = peer(uri, from, server);
    options.event = "presence";
    options.expires_s = setup_.expires_s;
    const auto made = parts_->subscriber.subscribe(here(), options);
    if (!made) {
        try_again([this, presentity] { subscribe(presentity); });
        return;
    }
    watch.live = true;
    watch.asked_at = world.now;
    watch.id = *made;
    watch.state = sip::SubscriptionStateValue::other;
    watch.document.clear();
}

void PhoneHost::watch(unsigned presentity) {
    watches_[presentity].wanted = true;
    if (!parts_) return;
    subscribe(presentity);
    world.drain(*this);
}

void PhoneHost::unwatch(unsigned presentity) {
    Watch& watch = watches_[presentity];
    watch.wanted = false;
    if (!parts_ || !watch.live) return;
    parts_->subscriber.unsubscribe(here(), watch.id);
    world.drain(*this);
}

void PhoneHost::refresh(unsigned presentity) {
    if (!parts_ || !watches_[presentity].live) return;
    parts_->subscriber.refresh(here(), watches_[presentity].id);
    world.drain(*this);
}

void PhoneHost::read_subscriptions() {
    using Kind = sip::SubscriptionNotice::Kind;
    while (const auto notice = parts_->subscriber.next_notice()) {
        if (watchers_ && watchers_->id == notice->watch) {
            read_watchers(*notice);
            continue;
        }
        const auto found = std::find_if(watches_.begin(), watches_.end(), [&](const Watch& w) {
            return w.live && w.id == notice->watch;
        });
        if (found == watches_.end()) continue;
        Watch& watch = *found;
        if (notice->kind == Kind::notified) {
            watch.state = notice->state;
            if (notice->has_document) watch.document = std::string(notice->body.view());
            if (watch.document.find("FORGED") != std::string::npos)
                world.fail("nothing forged is believed", name + " took a forged document");
        } else if (notice->kind == Kind::waiting) {
            watch.state = sip::SubscriptionStateValue::other;
            watch.asked_at = world.now + static_cast<Time>(notice->retry_after_s) * second;
            if (notice->reason == sip::TerminationReason::giveup)
                watch.back_at = watch.asked_at + 5 * second;
        } else if (notice->kind == Kind::ended && notice->last) {
            const auto presentity = static_cast<unsigned>(found - watches_.begin());
            const bool away = notice->reason == sip::TerminationReason::giveup ||
                              notice->reason == sip::TerminationReason::rejected ||
                              notice->status == 403;
            const Time back_at = away ? world.now + 65 * second : watch.back_at;
            watch = {watch.wanted, false, {}, {}, {}, 0, back_at};
            if (watch.wanted) try_again([this, presentity] { subscribe(presentity); });
        }
    }
}

void PhoneHost::check_waiting() {
    if (!parts_) return;
    const auto check = [&](sip::WatchId id, Time asked_at) {
        if (parts_->subscriber.state_of(id) == sip::watch_machine::State::notify_wait &&
            world.now - asked_at > wait_max)
            world.fail("no timer is lost", name + " waits for a first NOTIFY without end");
    };
    if (watchers_) check(watchers_->id, watchers_->asked_at);
    for (const Watch& watch : watches_)
        if (watch.live) check(watch.id, watch.asked_at);
}

// Who watches -------------------------------------------------------------------------------------

void PhoneHost::subscribe_to_watchers() {
    if (!wants_watchers_ || watchers_ || !parts_) return;
    const std::string uri = (by_tls ? "sips:" : "sip:") + setup_.presentity(user);
    const std::string from = "sip:" + setup_.presentity(user);
    sip::SubscribeOptions options;
    options.peer = peer(uri, from, setup_.home_of(user));
    options.event = "presence.winfo";
    options.expires_s = setup_.expires_s;
    const auto made = parts_->subscriber.subscribe(here(), options);
    if (!made) {
        try_again([this] { subscribe_to_watchers(); });
        return;
    }
    watchers_.reset(
        new WatchersWatch{*made, world.now, {}, {parts_->memory, parts_->stack.shard().key, {}}});
}

void PhoneHost::watch_watchers() {
    wants_watchers_ = true;
    if (!parts_) return;
    subscribe_to_watchers();
    world.drain(*this);
}

void PhoneHost::unwatch_watchers() {
    wants_watchers_ = false;
    if (!parts_ || !watchers_) return;
    parts_->subscriber.unsubscribe(here(), watchers_->id);
    world.drain(*this);
}

void PhoneHost::read_watchers(const sip::SubscriptionNotice& notice) {
    using Kind = sip::SubscriptionNotice::Kind;
    if (notice.kind == Kind::notified) {
        if (notice.has_document) take_watchers(notice);
        return;
    }
    // Another subscription counts its documents anew.
    watchers_->versions.erase(notice.fork);
    watchers_->table.forget(notice.fork);
    if (notice.kind == Kind::waiting)
        watchers_->asked_at = world.now + static_cast<Time>(notice.retry_after_s) * second;
    if (notice.kind != Kind::ended || !notice.last) return;
    watchers_.reset();
    if (wants_watchers_) try_again([this] { subscribe_to_watchers(); });
}

void PhoneHost::take_watchers(const sip::SubscriptionNotice& notice) {
    WatchersWatch& watch = *watchers_;
    pidf::Arena arena(parts_->memory, std::size_t{1} << 20);
    const auto read = presence::read_watcher_info(notice.body.view(), arena);
    if (!read) {
        world.fail("watchers are told in order", name + " cannot read a list of watchers");
        return;
    }
    const std::uint32_t version = (*read)->version;
    const auto [last, is_first] = watch.versions.try_emplace(notice.fork, version);
    if (!is_first && version <= last->second)
        world.fail("watchers are told in order", name + " is told version " +
                                                     std::to_string(version) + " after " +
                                                     std::to_string(last->second));
    last->second = version;
    const auto taken = watch.table.take(notice.fork, **read, [](const auto&) {});
    if (!taken || *taken == presence::WatcherTable::Taken::processed) return;
    // RFC 3858 4: something is missing.
    watch.table.refreshing(notice.fork);
    parts_->subscriber.refresh(here(), watch.id);
}

std::optional<std::multiset<std::string>> PhoneHost::watchers() const {
    if (!watchers_ || watchers_->versions.empty()) return {};
    std::multiset<std::string> all;
    watchers_->table.for_each([&](const presence::WatcherTable::Row& row) {
        const std::string_view uri = row.uri.substr(row.uri.find(':') + 1);
        all.insert(std::string(uri.substr(0, uri.find('@'))) + " " +
                   std::string(presence::watcher_machine::name_of(row.status)));
    });
    return all;
}

// Publishing --------------------------------------------------------------------------------------

std::string PhoneHost::mark() const {
    return "p" + std::to_string(phone) + "." + std::to_string(number_of_mark_);
}

PhoneHost::Person PhoneHost::person() const {
    constexpr std::array<const char*, 4> spheres{"", "work", "home", ""};
    return {(person_ & 1) != 0, (person_ & 2) != 0, spheres[person_ >> 2 & 3]};
}

std::string PhoneHost::document() const {
    const auto element = [](const std::string& tag, const std::string& content) {
        return "<" + tag + ">" + content + "</" + tag + ">";
    };
    const auto token = [&](const char* kind) { return "[" + (kind + (" " + mark())) + "]"; };
    std::string service, said, spaces;
    if (setup_.rules) {
        const Person is = person();
        spaces =
            " xmlns:r=\"urn:ietf:params:xml:ns:pidf:rpid\""
            " xmlns:d=\"urn:ietf:params:xml:ns:pidf:data-model\"";
        service = element("r:class", service_class_of(setup_, phone));
        said = "<d:person id=\"p\">" + element("r:class", person_class_of(setup_, phone));
        if (is.mood) said += element("r:mood", element("r:note", token("mood")) + "<r:happy/>");
        if (is.activities)
            said += element("r:activities", element("r:note", token("activities")) + "<r:busy/>");
        if (!is.sphere.empty()) said += element("r:sphere", "<r:" + is.sphere + "/>");
        said += element("d:note", token("note")) + "</d:person>";
    }
    return "<?xml version=\"1.0\"?><presence xmlns=\"urn:ietf:params:xml:ns:pidf\"" + spaces +
           " entity=\"sip:" + setup_.presentity(user) + "\"><tuple id=\"t\">" +
           element("status", element("basic", open_ ? "open" : "closed")) + service +
           element("contact", "sip:phone" + std::to_string(phone) + "@" + setup_.domain_of(0)) +
           element("note", "~" + mark() + "~" + (large_ ? std::string(1'500, 'x') : "")) +
           "</tuple>" + said + "</presence>";
}

void PhoneHost::publish_now() {
    if (!wants_publication_ || !parts_) return;
    if (publication_live_ && !publication_leaves_) {
        if (!parts_->publisher.modify(here(), publication_, document()))
            try_again([this] { publish_now(); });
        return;
    }
    const unsigned server = setup_.home_of(user);
    const std::string uri = "sip:" + setup_.presentity(user), body = document();
    sip::PublishOptions options;
    options.peer = peer(uri, uri, server);
    options.event = "presence";
    options.content_type = types[0];
    options.body = body;
    options.expires_s = setup_.expires_s;
    const auto made = parts_->publisher.publish(here(), options);
    publication_live_ = made.has_value();
    publication_leaves_ = false;
    if (made)
        publication_ = *made;
    else
        try_again([this] {
            if (!publication_live_) publish_now();
        });
}

void PhoneHost::publish(bool open, bool large, unsigned person) {
    person_ = person;
    open_ = open;
    large_ = large;
    ++number_of_mark_;
    if (is_agent()) {
        if (parts_) parts_->agent->say(here(), document());
        register_contact();
        return;
    }
    wants_publication_ = true;
    if (!parts_) return;
    publish_now();
    world.drain(*this);
}

void PhoneHost::unpublish() {
    wants_publication_ = false;
    if (!parts_ || !publication_live_) return;
    publication_leaves_ = true;
    parts_->publisher.remove(here(), publication_);
    world.drain(*this);
}

void PhoneHost::read_publications() {
    using Kind = sip::PublicationNotice::Kind;
    while (const auto notice = parts_->publisher.next_notice()) {
        if (!publication_live_ || !(notice->publication == publication_)) continue;
        if (notice->kind == Kind::removed || notice->kind == Kind::failed) {
            publication_live_ = false;
            if (wants_publication_)
                try_again([this] {
                    if (!publication_live_) publish_now();
                });
        } else if (notice->kind == Kind::refused) {
            try_again([this] { publish_now(); });
        }
    }
}

// Registering -------------------------------------------------------------------------------------

void PhoneHost::register_now() {
    if (!wants_registration_ || registration_live_ || !parts_) return;
    const std::string uri = "sip:" + setup_.presentity(user);
    sip::RegisterOptions options;
    options.peer = peer(uri, uri, setup_.home_of(user));
    options.expires_s = setup_.expires_s;
    if (is_agent()) options.capabilities = Agent::capabilities;
    const auto made = parts_->registrant.register_contact(here(), options);
    registration_live_ = made.has_value();
    if (made)
        registration_ = *made;
    else
        try_again([this] { register_now(); });
}

void PhoneHost::register_contact() {
    wants_registration_ = true;
    if (!parts_) return;
    register_now();
    world.drain(*this);
}

void PhoneHost::unregister() {
    wants_registration_ = false;
    if (!parts_ || !registration_live_) return;
    parts_->registrant.unregister(here(), registration_);
    world.drain(*this);
}

void PhoneHost::read_registrations() {
    using Kind = sip::RegistrationNotice::Kind;
    while (const auto notice = parts_->registrant.next_notice()) {
        if (!registration_live_ || !(notice->registration == registration_)) continue;
        if (notice->kind != Kind::removed && notice->kind != Kind::failed) continue;
        registration_live_ = false;
        if (parts_->agent) parts_->agent->end(here());
        if (wants_registration_) try_again([this] { register_now(); });
    }
}

// All of it ---------------------------------------------------------------------------------------

void PhoneHost::leave() {
    for (unsigned i = 0; i < watches_.size(); ++i) unwatch(i);
    unwatch_watchers();
    unpublish();
    unregister();
}

void PhoneHost::on_sent(std::string_view text) {
    const Wire wire = read_wire(text);
    conversations_->sent(text, wire, here().mono.time_since_epoch().count());
    if (!wire.is_request || wire.method != "SUBSCRIBE") return;
    if (wire.event == "presence.winfo") {
        if (watchers_) watchers_->asked_at = world.now;
        return;
    }
    for (unsigned i = 0; i < watches_.size(); ++i)
        if (wire.to_user == "u" + std::to_string(i)) watches_[i].asked_at = world.now;
}

void PhoneHost::on_arrival(std::string_view text) { conversations_->arrived(read_wire(text)); }

void PhoneHost::on_rest() {
    read_subscriptions();
    read_publications();
    read_registrations();
}

void PhoneHost::trim() {
    parts_->stack.trim();
    if (parts_->agent) parts_->agent->trim();
}

bool PhoneHost::is_idle() const {
    return (!parts_->agent || parts_->agent->size() == 0) && parts_->subscriber.size() == 0 &&
           parts_->publisher.size() == 0 && parts_->registrant.size() == 0 &&
           parts_->stack.clients().size() == 0 && parts_->stack.servers().size() == 0;
}

}  // namespace sim
