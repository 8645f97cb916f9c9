#include "apps/edge/net/resolver.hpp"

#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include "apps/edge/net/address.hpp"
#include "sip/base/text.hpp"

#if VIGIL_HAS_CARES
#include <ares.h>
#endif

namespace edge {

namespace {

using Kind = sip::NameAnswer::Kind;

constexpr std::uint32_t hosts_ttl_s = 60;
constexpr std::size_t hosts_file_max = std::size_t{4} << 20;

std::string lower(std::string_view text) {
    std::string made;
    for (char c : text) made += sip::to_lower(c);
    return made;
}

bool is_localhost(std::string_view name) {
    constexpr std::string_view top = "localhost";
    return name == top || (name.ends_with(top) && name[name.size() - top.size() - 1] == '.');
}

}  // namespace

// ---- The hosts file -----------------------------------------------------------------------------

void HostNames::read(std::string_view text) {
    while (!text.empty()) {
        const auto line = sip::split_at(text, '\n');
        text = line.after;
        std::istringstream words{std::string(sip::split_at(line.before, '#').before)};
        std::string first, name;
        words >> first;
        const auto address = sip::parse_numeric_host(first);
        if (!address) continue;
        while (words >> name) addresses_[lower(name)].push_back(*address);
    }
}

void HostNames::read_file(const std::string& path) {
    std::ifstream file(path);
    std::string text(std::istreambuf_iterator<char>(file), {});
    if (text.size() <= hosts_file_max) read(text);
}

std::optional<ParsedNameAnswer> HostNames::answer(sip::RecordType type,
                                                  std::string_view name) const {
    std::vector<sip::Address> known;
    const std::string wanted = lower(name);
    if (is_localhost(wanted)) {
        sip::Address loopback;
        loopback.bytes[15] = 1;
        known = {sip::Address::v4(127, 0, 0, 1), loopback};
    } else if (const auto found = addresses_.find(wanted); found != addresses_.end()) {
        // A hosts file says nothing of services.
        if (type != sip::RecordType::a && type != sip::RecordType::aaaa) return {};
        known = found->second;
    } else {
        return {};
    }
    ParsedNameAnswer made;
    made.kind = Kind::nothing;
    made.negative_ttl_s = hosts_ttl_s;
    for (const sip::Address& address : known) {
        if (type != (address.is_v4() ? sip::RecordType::a : sip::RecordType::aaaa)) continue;
        ParsedNameAnswer::Record record;
        record.record.ttl_s = hosts_ttl_s;
        record.record.address = address;
        made.records.push_back(std::move(record));
        made.kind = Kind::found;
    }
    return made;
}

Outcome<sip::Endpoint> parse_name_server(std::string_view text) {
    const auto wrong = [&] {
        return failure("\"" + std::string(text) +
                       "\": no address of a name server; write it as 192.0.2.53 or "
                       "[2001:db8::53]:5353");
    };
    if (const auto whole = sip::parse_numeric_host(text)) return sip::Endpoint{*whole, 53};
    const auto last = text.rfind(':');
    if (last == std::string_view::npos) return wrong();
    const auto address = sip::parse_numeric_host(text.substr(0, last));
    const auto port = sip::parse_decimal(text.substr(last + 1), 65'535);
    if (!address || !port || *port == 0) return wrong();
    return sip::Endpoint{*address, static_cast<std::uint16_t>(*port)};
}

// ---- c-ares on the loop -------------------------------------------------------------------------

#if VIGIL_HAS_CARES

bool Resolver::is_built_in() { return true; }

namespace {

constexpr int class_in = 1;
/// RFC 6891 6.2.5; and what passes unfragmented.
constexpr int edns_bytes = 1232;

}  // namespace

/// The questions under way. Outlives none of them: c-ares ends all when the channel goes.
class Resolver::Channel {
public:
    Channel(uv_loop_t* loop, const Options& options, const Answered& answered)
        : loop_(loop), answered_(answered), timer_(new uv_timer_t) {
        uv_timer_init(loop_, timer_);
        timer_->data = this;
        ares_options given{};
        given.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS;
        given.timeout = static_cast<int>(
            std::chrono::duration_cast<std::chrono::milliseconds>(options.timeout).count());
        given.tries = options.tries;
        given.ednspsz = edns_bytes;
        given.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
            static_cast<Channel*>(self)->watch(fd, readable != 0, writable != 0);
        };
        given.sock_state_cb_data = this;
        int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
                   ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_UDP_MAX_QUERIES
        // A socket, and with it a source port, is for so many questions: whoever guesses answers
        // has to guess anew (RFC 5452 9.2). Older ones close it whenever no question is open.
        given.udp_max_queries = 8;
        mask |= ARES_OPT_UDP_MAX_QUERIES;
#endif
        if (ares_init_options(&channel_, &given, mask) != ARES_SUCCESS) {
            channel_ = nullptr;
            return;
        }
        std::string servers;
        for (const sip::Endpoint& each : options.servers)
            servers += (servers.empty() ? "" : ",") + to_text(each);
        if (!servers.empty()) ares_set_servers_ports_csv(channel_, servers.c_str());
    }
    ~Channel() {
        going_ = true;
        if (channel_ != nullptr) ares_destroy(channel_);
        while (!sockets_.empty()) forget(sockets_.begin()->first);
        uv_close(reinterpret_cast<uv_handle_t*>(timer_),
                 [](uv_handle_t* handle) { delete reinterpret_cast<uv_timer_t*>(handle); });
    }
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    void ask(const sip::Resolve& resolve) {
        auto* const question =
            new Question{this, resolve.id, resolve.type, std::string(resolve.name.view())};
        if (channel_ == nullptr) {
            tell(question, {});
            return;
        }
        ares_query(
            channel_, question->name.c_str(), class_in, number_of(question->type),
            [](void* about, int status, int, unsigned char* bytes, int size) {
                auto* const asked = static_cast<Question*>(about);
                asked->channel->answered(asked, status, bytes, size);
            },
            question);
        arm();
    }

private:
    struct Question {
        Channel* channel;
        sip::LookupId id;
        sip::RecordType type;
        std::string name;
    };
    struct Socket {
        uv_poll_t handle{};
        Channel* channel = nullptr;
        ares_socket_t fd = ARES_SOCKET_BAD;
    };

    void answered(Question* question, int status, const unsigned char* bytes, int size) {
        ParsedNameAnswer answer;
        if (bytes != nullptr && size > 0)
            answer = parse_name_answer({bytes, static_cast<std::size_t>(size)}, question->type,
                                       question->name);
        else if (status == ARES_ENOTFOUND || status == ARES_ENODATA)
            answer.kind = Kind::nothing;
        tell(question, answer);
    }
    void tell(Question* question, const ParsedNameAnswer& answer) {
        const std::unique_ptr<Question> done(question);
        if (!going_) answer.give(done->id, answered_);
    }
    /// c-ares opened a socket, waits for something else on it, or is about to close it.
    void watch(ares_socket_t fd, bool readable, bool writable) {
        if (!readable && !writable) {
            forget(fd);
            return;
        }
        auto& socket = sockets_[fd];
        if (socket == nullptr) {
            socket = new Socket;
            socket->channel = this;
            socket->fd = fd;
            socket->handle.data = socket;
            if (uv_poll_init_socket(loop_, &socket->handle, fd) != 0) {
                delete socket;  // its questions time out
                sockets_.erase(fd);
                return;
            }
        }
        uv_poll_start(&socket->handle, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0),
                      [](uv_poll_t* handle, int status, int events) {
                          auto* const polled = static_cast<Socket*>(handle->data);
                          Channel* const channel = polled->channel;
                          const ares_socket_t at = polled->fd;
                          const bool broken = status < 0;
                          channel->process(
                              broken || (events & UV_READABLE) != 0 ? at : ARES_SOCKET_BAD,
                              broken || (events & UV_WRITABLE) != 0 ? at : ARES_SOCKET_BAD);
                      });
    }
    void forget(ares_socket_t fd) {
        const auto found = sockets_.find(fd);
        if (found == sockets_.end()) return;
        uv_close(reinterpret_cast<uv_handle_t*>(&found->second->handle),
                 [](uv_handle_t* handle) { delete static_cast<Socket*>(handle->data); });
        sockets_.erase(found);
    }
    void process(ares_socket_t readable, ares_socket_t writable) {
        ares_process_fd(channel_, readable, writable);
        arm();
    }
    void arm() {
        timeval room{};
        const timeval* next = ares_timeout(channel_, nullptr, &room);
        if (next == nullptr) {
            uv_timer_stop(timer_);
            return;
        }
        const auto after_ms = static_cast<std::uint64_t>(next->tv_sec) * 1000 +
                              static_cast<std::uint64_t>(next->tv_usec) / 1000 + 1;
        uv_timer_start(
            timer_,
            [](uv_timer_t* handle) {
                static_cast<Channel*>(handle->data)->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
            },
            after_ms, 0);
    }

    uv_loop_t* loop_;
    const Answered& answered_;
    uv_timer_t* timer_;
    ares_channel channel_ = nullptr;
    std::unordered_map<ares_socket_t, Socket*> sockets_;
    bool going_ = false;
};

#else

bool Resolver::is_built_in() { return false; }

class Resolver::Channel {
public:
    Channel(uv_loop_t*, const Options&, const Answered& answered) : answered_(answered) {}
    void ask(const sip::Resolve& question) { answered_({question.id, Kind::failed, 0, {}}); }

private:
    const Answered& answered_;
};

#endif

Resolver::Resolver(uv_loop_t* loop, const Options& options, Answered answered)
    : answered_(std::move(answered)),
      channel_(std::make_unique<Channel>(loop, options, answered_)) {
    hosts_.read_file(options.hosts_file);
}

Resolver::~Resolver() = default;

void Resolver::ask(const sip::Resolve& question) {
    if (const auto known = hosts_.answer(question.type, question.name.view()))
        known->give(question.id, answered_);
    else
        channel_->ask(question);
}

}  // namespace edge
