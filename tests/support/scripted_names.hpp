#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sip/transport/effects.hpp"

/// A name system as a test writes it: records that may change, names about which it says nothing
/// or fails. What is not there is answered so.
class ScriptedNames {
public:
    using Key = std::pair<sip::RecordType, std::string>;
    struct Record {
        sip::NameRecord record;
        std::string target, flags, service, regexp;
    };

    void a(const std::string& name, const sip::Address& address, std::uint32_t ttl_s = 60) {
        Record one;
        one.record.address = address;
        add(address.is_v4() ? sip::RecordType::a : sip::RecordType::aaaa, name, one, ttl_s);
    }
    void srv(const std::string& name, std::uint16_t priority, std::uint16_t weight,
             std::uint16_t port, const std::string& target, std::uint32_t ttl_s = 60) {
        Record one;
        one.record.priority = priority;
        one.record.weight = weight;
        one.record.port = port;
        one.target = target;
        add(sip::RecordType::srv, name, one, ttl_s);
    }
    void naptr(const std::string& name, std::uint16_t order, std::uint16_t preference,
               const std::string& service, const std::string& replacement, std::uint32_t ttl_s = 60,
               const std::string& flags = "s", const std::string& regexp = {}) {
        Record one;
        one.record.priority = order;
        one.record.weight = preference;
        one.target = replacement;
        one.service = service;
        one.flags = flags;
        one.regexp = regexp;
        add(sip::RecordType::naptr, name, one, ttl_s);
    }
    void forget(const std::string& name) {
        std::erase_if(records, [&](const auto& each) { return each.first.second == name; });
    }

    /// What is said to a question; `tell(const sip::NameAnswer&)` is called with it, unless nothing
    /// is ever said.
    template <class Tell>
    void answer(const sip::Resolve& question, Tell tell) {
        answer(question.id, {question.type, std::string(question.name.view())}, tell);
    }
    template <class Tell>
    void answer(sip::LookupId id, const Key& key, Tell tell) {
        if (mute.contains(key) || mute.contains({key.first, "*"})) return;
        sip::NameAnswer answer;
        answer.id = id;
        std::vector<sip::NameRecord> list;
        if (failing.contains(key.second) || failing.contains("*")) {
            answer.kind = sip::NameAnswer::Kind::failed;
        } else if (const auto found = records.find(key); found != records.end()) {
            answer.kind = sip::NameAnswer::Kind::found;
            for (const Record& each : found->second) {
                sip::NameRecord record = each.record;
                record.target = each.target;
                record.flags = each.flags;
                record.service = each.service;
                record.regexp = each.regexp;
                list.push_back(record);
            }
        } else {
            answer.kind = sip::NameAnswer::Kind::nothing;
            answer.negative_ttl_s = negative_ttl_s;
        }
        answer.records = list;
        tell(answer);
    }
    /// "SRV _sip._udp.example.com"
    static std::string text_of(const sip::Resolve& question) {
        constexpr std::array types{"A", "AAAA", "SRV", "NAPTR"};
        return std::string(types[static_cast<std::size_t>(question.type)]) + " " +
               std::string(question.name.view());
    }

    std::map<Key, std::vector<Record>> records;
    std::set<std::string> failing;  ///< names; "*": all
    std::set<Key> mute;             ///< questions without any answer; "*": all of the type
    std::uint32_t negative_ttl_s = 60;

private:
    void add(sip::RecordType type, const std::string& name, Record one, std::uint32_t ttl_s) {
        one.record.ttl_s = ttl_s;
        records[{type, name}].push_back(std::move(one));
    }
};
