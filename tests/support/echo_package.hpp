#pragma once

#include <array>
#include <cstring>
#include <map>
#include <set>
#include <string>

#include "sip/event/compositor.hpp"
#include "sip/event/event_package.hpp"

/// A tiny package with nothing of presence in it: the state of a resource is the bodies published
/// for it, one a line, last changed first. It proves that the framework knows no package.
class EchoPackage final : public sip::EventPackage {
public:
    EchoPackage() {
        traits_.name = "echo";
        traits_.accept = types;
        traits_.publish = std::span(types).first(1);
    }
    static constexpr std::array<std::string_view, 2> types{"text/plain", "text/x-echo"};

    const Traits& traits() const override { return traits_; }
    bool exists(std::string_view resource) const override {
        return missing.count(std::string(resource)) == 0;
    }
    sip::Decision decide(const sip::Now&, const sip::Watcher& watcher) override {
        ++decided;
        const auto found = decisions.find(std::string(watcher.identity));
        return found == decisions.end() ? sip::Decision{sip::SubscriptionDecision::active, {}}
                                        : found->second;
    }
    sip::Expected<std::size_t> render(const sip::Now&, sip::ResourceId id,
                                      std::string_view resource, sip::ViewId view,
                                      std::string_view content_type,
                                      std::span<char> room) override {
        ++rendered;
        std::string text = std::string(resource) + "/" + std::to_string(unsigned(view)) + "/" +
                           std::string(content_type) + "\n";
        compositor->for_each(id, [&](const sip::Compositor::Publication& publication) {
            text += std::string(publication.body) + "\n";
        });
        text += extra;
        if (text.size() > room.size())
            return sip::failure(sip::Condition::body_too_large, "echo is too large");
        std::memcpy(room.data(), text.data(), text.size());
        return text.size();
    }
    sip::Expected<std::size_t> accept_publication(const sip::Now&, const sip::PublicationBody& in,
                                                  std::span<char> room) override {
        if (in.body.find("bad") != std::string_view::npos)
            return sip::failure(sip::Condition::malformed, "echo says bad");
        if (!in.body.empty()) std::memcpy(room.data(), in.body.data(), in.body.size());
        return in.body.size();
    }
    /// Whoever publishes may, where `anybody_publishes`; what begins with "@" takes the place of
    /// what does so with the same letter behind it, what begins with "=" of any in the same call.
    bool may_publish(std::string_view resource, std::string_view publisher) const override {
        return anybody_publishes || resource == publisher;
    }
    bool supersedes(std::string_view newer, std::string_view older, bool same_call) override {
        return (newer.starts_with('@') && older.starts_with(newer.substr(0, 2))) ||
               (newer.starts_with('=') && older.starts_with('=') && same_call);
    }

    Traits traits_;
    bool anybody_publishes = false;
    sip::Compositor* compositor = nullptr;
    std::map<std::string, sip::Decision> decisions;
    std::set<std::string> missing;
    std::string extra;
    int rendered = 0, decided = 0;
};
