#pragma once

#include <array>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "presence/watcher_info/watcher_info_package.hpp"
#include "sip/auth/digest_gate.hpp"
#include "sip/event/compositor.hpp"
#include "sip/event/event_headers.hpp"
#include "sip/stack.hpp"
#include "tests/support/echo_package.hpp"
#include "tests/support/raw_peer.hpp"
#include "tests/support/seeded_entropy.hpp"

/// A watcherinfo document, taken apart by plain text search.
struct WinfoDocument {
    explicit WinfoDocument(const std::string& text_given) : text(text_given) {
        version = value("<watcherinfo", "version");
        state = value("<watcherinfo", "state");
        resource = value("<watcher-list", "resource");
        package = value("<watcher-list", "package");
        for (auto at = text.find("<watcher "); at != std::string::npos;
             at = text.find("<watcher ", at + 1)) {
            const auto end = text.find('>', at);
            std::map<std::string, std::string> row;
            std::string rest = text.substr(at + 9, end - at - 9);
            for (auto equals = rest.find("=\""); equals != std::string::npos;
                 equals = rest.find("=\"")) {
                const auto close = rest.find('"', equals + 2);
                row[rest.substr(0, equals)] = rest.substr(equals + 2, close - equals - 2);
                rest.erase(0, close + 1);
                while (rest.starts_with(' ')) rest.erase(0, 1);
            }
            row["uri"] = text.substr(end + 1, text.find('<', end) - end - 1);
            rows.push_back(row);
        }
    }
    /// "bob pending subscribe" for each row of example.com, in order.
    std::vector<std::string> brief() const {
        std::vector<std::string> lines;
        for (auto row : rows) {
            std::string who = row["uri"].substr(4);
            if (who.ends_with("@example.com")) who.resize(who.size() - 12);
            lines.push_back(who + " " + row["status"] + " " + row["event"]);
        }
        return lines;
    }
    explicit operator bool() const { return !text.empty(); }

    std::string text, version, state, resource, package;
    std::vector<std::map<std::string, std::string>> rows;

private:
    std::string value(const std::string& element, const std::string& name) const {
        const auto at = text.find(element);
        if (at == std::string::npos) return {};
        const auto found = text.find(" " + name + "=\"", at);
        if (found == std::string::npos || found > text.find('>', at)) return {};
        const auto start = found + name.size() + 3;
        return text.substr(start, text.find('"', start) - start);
    }
};

/// A notifier with the echo package, "echo.winfo" and "echo.winfo.winfo". Everybody is who he says
/// that he is; the echo package decides by watcher (`echo.decisions`).
struct WinfoWorld {
    using Lines = std::vector<std::string>;

    explicit WinfoWorld(const sip::Limits& limits = {}, bool has_store = false)
        : stack(
              [&] {
                  sip::StackOptions options;
                  options.limits = limits;
                  options.has_store = has_store;
                  return options;
              }(),
              entropy),
          info(stack.shard(), echo, {}),
          info_of_it(stack.shard(), info, {}),
          resources(stack.shard()),
          notifier(stack.core(), packages, resources, {}),
          compositor(stack.core(), packages, resources, notifier),
          net(stack) {
        echo.compositor = &compositor;
        (void)(packages.add(echo) && packages.add(info) && packages.add(info_of_it));
        constexpr std::array subscribe{sip::Method::subscribe};
        notifier.attach_as(stack.attach(notifier, subscribe));
        compositor.attach_as(stack.attach(compositor, {}));
        info.watchers().attach_as(stack.attach(info.watchers(), {}), notifier, 1);
        info_of_it.watchers().attach_as(stack.attach(info_of_it.watchers(), {}), notifier, 2);
        stack.set_gate(&gate);
    }

    static RawRequest request(const std::string& who, const std::string& event = "echo",
                              unsigned expires = 600, const std::string& call = "1") {
        RawRequest made{"SUBSCRIBE", "sip:alice@example.com"};
        made.from = "<sip:" + who + "@example.com>;tag=" + who + call;
        made.call_id = who + "-" + event + "-" + call;
        made.with("Event: " + event)
            .with("Contact: <sip:" + who + "@192.0.2.99:5062>")
            .with("Expires: " + std::to_string(expires));
        return made;
    }
    int subscribe(const std::string& who, const std::string& event = "echo", unsigned expires = 600,
                  const std::string& call = "1") {
        const RawRequest made = request(who, event, expires, call);
        net.input(net.text_of(made));
        const RawMessage answer = net.take("");
        dialogs[made.call_id] = {made, answer, 1};
        return answer.status();
    }
    /// In the dialog that `subscribe` made.
    int resubscribe(const std::string& who, const std::string& event, unsigned expires,
                    const std::string& call = "1") {
        Dialog& dialog = dialogs.at(who + "-" + event + "-" + call);
        RawRequest made = dialog.request;
        made.to = dialog.answer.field("To");
        made.cseq = ++dialog.cseq;
        made.fields.back() = "Expires: " + std::to_string(expires);
        net.input(net.text_of(made));
        return net.take("").status();
    }
    void decide(const std::string& who, sip::SubscriptionDecision decision) {
        echo.decisions[who + "@example.com"] = {decision, {}};
        notifier.decide_again(net.now, 0, "alice@example.com");
        info.watchers().decide_again(net.now, "alice@example.com");
        notifier.decide_again(net.now, 1, "alice@example.com");
        net.drain();
    }
    /// Nobody has decided about them.
    void leave_open(const std::vector<std::string>& people) {
        for (const std::string& who : people)
            echo.decisions[who + "@example.com"] = {sip::SubscriptionDecision::pending, {}};
    }
    /// The next NOTIFY of that event to `who`.
    RawMessage notify_to(const std::string& who, const std::string& event = "echo.winfo") {
        take_no_streams();
        for (auto at = net.sent.begin(); at != net.sent.end(); ++at) {
            if (at->method() != "NOTIFY" || at->field("Event") != event) continue;
            if (at->field("To").find("sip:" + who + "@") == std::string::npos) continue;
            RawMessage found = std::move(*at);
            net.sent.erase(at);
            return found;
        }
        return {};
    }
    WinfoDocument document_to(const std::string& who, const std::string& event = "echo.winfo") {
        const RawMessage notify = notify_to(who, event);
        return WinfoDocument(notify ? notify.body() : std::string{});
    }

    /// What is too large for UDP goes by it all the same.
    void take_no_streams() {
        while (!net.opened.empty()) {
            stack.closed(net.now, net.opened.front().flow);
            net.opened.pop_front();
            net.drain();
        }
    }

    struct Dialog {
        RawRequest request;
        RawMessage answer;
        unsigned cseq = 1;
    };
    std::map<std::string, Dialog> dialogs;
    SeededEntropy entropy;
    sip::TrustingGate gate;
    sip::Stack stack;
    EchoPackage echo;
    presence::WatcherInfoPackage info, info_of_it;
    sip::EventPackages packages;
    sip::Resources resources;
    sip::Notifier notifier;
    sip::Compositor compositor;
    RawWorld<sip::Stack> net;
};
