// A load generator on loopback: `load PORT PID COUNT` speaks to a `vigil serve --auth none` that
// runs as process PID. Subscriptions, publications and notifications, each with the CPU time that
// the server spent on one; bytes a subscription. Bounded in count and time.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

int fd = -1;
int own_port = 0;
std::string server_pid;
std::vector<char> buffer(65'536);

/// Nanoseconds on a processor so far.
double cpu_ns() {
    std::ifstream file("/proc/" + server_pid + "/schedstat");
    double spent = 0;
    file >> spent;
    return spent;
}
double pss_bytes() {
    std::ifstream file("/proc/" + server_pid + "/smaps_rollup");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("Pss:")) return std::stod(line.substr(4)) * 1024;
    return 0;
}

void send_text(const std::string& text) {
    if (send(fd, text.data(), text.size(), 0) < 0) std::perror("send");
}

std::string field(const std::string& text, const char* name) {
    const auto at = text.find(std::string("\r\n") + name + ": ");
    if (at == std::string::npos) return {};
    const auto start = at + std::strlen(name) + 4;
    return text.substr(start, text.find("\r\n", start) - start);
}

std::string request(const char* method, const std::string& to, const std::string& from, long n,
                    const std::string& more, const std::string& body = {}) {
    const std::string i = std::to_string(n);
    return std::string(method) + " " + to +
           " SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:" + std::to_string(own_port) +
           ";rport;branch=z9hG4bK" + method + i + "\r\nMax-Forwards: 70\r\nFrom: <" + from +
           ">;tag=t" + i + "\r\nTo: <" + to + ">\r\nCall-ID: " + method + i + "@load\r\nCSeq: 1 " +
           method + "\r\n" + more + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
           body;
}

void answer(const std::string& text) {
    send_text("SIP/2.0 200 OK\r\nVia: " + field(text, "Via") + "\r\nFrom: " + field(text, "From") +
              "\r\nTo: " + field(text, "To") + "\r\nCall-ID: " + field(text, "Call-ID") +
              "\r\nCSeq: " + field(text, "CSeq") + "\r\nContent-Length: 0\r\n\r\n");
}

long finals = 0, notifies = 0, refused = 0;

/// Reads what is there; NOTIFYs are answered. False: nothing came for a while.
bool pump(int wait_ms) {
    pollfd waiting{fd, POLLIN, 0};
    if (poll(&waiting, 1, wait_ms) <= 0) return false;
    for (;;) {
        const ssize_t size = recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (size <= 0) return true;
        const std::string text(buffer.data(), static_cast<std::size_t>(size));
        if (text.starts_with("NOTIFY ")) {
            ++notifies;
            answer(text);
        } else if (text.starts_with("SIP/2.0 2")) {
            ++finals;
        } else if (!text.starts_with("SIP/2.0 1")) {
            ++finals;
            if (++refused == 1) std::fprintf(stderr, "refused: %s\n", text.substr(0, 80).c_str());
        }
    }
}

struct Result {
    double seconds = 0, cpu_us = 0;
};
/// `count` requests, at most `window` unanswered; each is done when `done()` says so.
Result measure(long count, long window, const std::function<void(long)>& start,
               const std::function<long()>& done) {
    const double cpu = cpu_ns();
    const auto begin = Clock::now();
    long sent = 0;
    while (done() < count && Clock::now() - begin < std::chrono::seconds(60)) {
        while (sent < count && sent - done() < window) start(sent++);
        if (!pump(2'000)) break;
    }
    const double spent = std::chrono::duration<double>(Clock::now() - begin).count();
    if (done() < count) std::fprintf(stderr, "only %ld of %ld done\n", done(), count);
    return {spent, (cpu_ns() - cpu) / 1000};
}

void print(const char* what, long count, const Result& r) {
    std::printf("{\"what\": \"%s\", \"count\": %ld, \"per_second\": %.0f, \"cpu_us\": %.2f}\n",
                what, count, static_cast<double>(count) / r.seconds,
                r.cpu_us / static_cast<double>(count));
}

std::string document(const std::string& user, long n) {
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?><presence "
           "xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:" +
           user +
           "@localhost\"><tuple id=\"t1\"><status><basic>open</basic></status><contact>sip:" +
           user + "@localhost</contact><note>" + std::to_string(n) + "</note></tuple></presence>";
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: load PORT PID COUNT\n");
        return 2;
    }
    server_pid = argv[2];
    const long count = std::strtol(argv[3], nullptr, 10);
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    const int room = 8 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return 1;
    socklen_t size = sizeof address;
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    own_port = ntohs(address.sin_port);
    address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), size) != 0) return 1;
    const std::string contact =
        "Contact: <sip:load@127.0.0.1:" + std::to_string(own_port) + ">\r\n";
    const auto user = [](long n) { return "u" + std::to_string(n); };
    const auto uri = [](const std::string& name) { return "sip:" + name + "@localhost"; };

    const double before = pss_bytes();
    const Result subscribed = measure(
        count, 32,
        [&](long i) {
            send_text(request("SUBSCRIBE", uri(user(i / 20)), uri("w" + std::to_string(i)), i,
                              contact + "Event: presence\r\nExpires: 3600\r\n"));
        },
        [] { return std::min(finals, notifies); });
    while (pump(200)) {
    }
    print("subscriptions", count, subscribed);
    // Server transactions of the SUBSCRIBEs live on for 32 s; they are part of what it takes.
    std::printf(
        "{\"what\": \"bytes a subscription, its transactions included\", \"bytes\": %.0f}\n",
        (pss_bytes() - before) / static_cast<double>(count));

    finals = 0;
    const Result published = measure(
        count, 32,
        [&](long i) {
            const std::string name = "p" + std::to_string(i);
            send_text(request("PUBLISH", uri(name), uri(name), i,
                              "Event: presence\r\nContent-Type: application/pidf+xml\r\n",
                              document(name, i)));
        },
        [] { return finals; });
    print("publications", count, published);

    // 20 watchers each: one PUBLISH gives 20 NOTIFYs.
    finals = notifies = 0;
    const long changes = std::min(count / 20, 5'000L);
    const Result notified = measure(
        changes * 20, 20,
        [&](long i) {
            if (i % 20 != 0) return;
            const std::string name = user(i / 20);
            send_text(request("PUBLISH", uri(name), uri(name), 1'000'000 + i,
                              "Event: presence\r\nContent-Type: application/pidf+xml\r\n",
                              document(name, i)));
        },
        [] { return notifies; });
    print("notifications", changes * 20, notified);
    std::printf("{\"what\": \"refused\", \"count\": %ld}\n", refused);
    return refused == 0 ? 0 : 1;
}
