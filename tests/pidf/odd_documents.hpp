#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

/// Presence documents as the worst of clients could write them: well-formed, with everything in
/// any place, any number and any form. Equal seeds give equal documents.
class OddDocuments {
public:
    explicit OddDocuments(std::uint64_t seed) : random_(seed) {}

    std::string next() {
        number_ = 0;
        std::string text =
            "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:p='urn:ietf:params:xml:ns:pidf' "
            "xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' "
            "xmlns:r='urn:ietf:params:xml:ns:pidf:rpid' "
            "xmlns:c='urn:ietf:params:xml:ns:pidf:cipid' "
            "xmlns:ts='urn:ietf:params:xml:ns:pidf:timed-status' "
            "xmlns:k='urn:ietf:params:xml:ns:pidf:caps' "
            "xmlns:g='urn:ietf:params:xml:ns:pidf:geopriv10' "
            "xmlns:b='urn:ietf:params:xml:ns:pidf:geopriv10:basicPolicy' "
            "xmlns:l='urn:ietf:params:xml:ns:location-type' xmlns:x='urn:example:x' "
            "xmlns:i='http://www.w3.org/2001/XMLSchema-instance'";
        if (!one_in(20)) text += " entity='" + std::string(uri()) + "'";
        if (one_in(8)) text += " xml:lang='" + std::string(pick(languages)) + "'";
        if (one_in(20)) text += " i:schemaLocation='urn:example:x x.xsd'";
        text += '>';
        for (int n = below(6); n > 0; --n) text += child_of_presence();
        return text + "</presence>";
    }

private:
    using Words = std::vector<std::string_view>;
    static inline const Words languages{
        "en",  "de-DE",    "en_US",       "zh-Hant-TW",       "",
        "123", "a b",      "de_DE.UTF-8", "toolongalanguage", " fr ",
        "x-",  "i-klingon"};
    static inline const Words times{"2026-11-23T08:00:00Z",
                                    "2026-11-23t08:00:00z",
                                    "2026-11-23T08:00:00",
                                    "2026-13-23T08:00:00Z",
                                    "2026-02-30T08:00:00Z",
                                    "2016-12-31T23:59:60Z",
                                    "0000-01-01T00:00:00Z",
                                    "0000-12-31T23:30:00-01:00",
                                    "9999-12-31T23:59:60Z",
                                    "2026-11-23T08:00:00.123456789Z",
                                    "2026-11-23T08:00:00.Z",
                                    "2026-11-23T24:00:00Z",
                                    "2026-11-23T08:00:00+14:00",
                                    "2026-11-23T08:00:00-23:59",
                                    "2026-11-23 08:00:00Z",
                                    " 2026-11-23T08:00:00.5+01:30\n",
                                    "-2026-11-23T08:00:00Z",
                                    "1795420800",
                                    "now",
                                    ""};
    static inline const Words uris{"sip:alice@example.com",
                                   "im:alice@example.com",
                                   "tel:+123",
                                   "alice",
                                   "sip:a b",
                                   "sip:a%zz@h",
                                   "1:x",
                                   ":x",
                                   "http://h:port/",
                                   "http://h/x#y#z",
                                   "a^b",
                                   "sip:\xC3\xBC@h",
                                   "",
                                   "&lt;sip:a@h>",
                                   "urn:uuid:1",
                                   "mailto:a@h?x=[y]",
                                   "http://a@b@c/",
                                   "//",
                                   "sip:alice@h;x=%41",
                                   "http://h:/"};
    static inline const Words ids{"a",  "b",   "t1", "1",   "a b", "-x", "_1",   "a:b",
                                  "_b", "a_b", "é",  "0x1", "e1",  "p",  "__31", "_a_20b"};
    static inline const Words priorities{"0",  "1",  "0.5",  "0.1234", "1.001", "high",  "1.",
                                         ".5", "0.", "-0.1", "1.000",  "",      " 0.8 ", "00.5"};
    static inline const Words texts{
        "t", "open",          "true",    "away", "idle", "5",      "a &amp; b",           " ",
        "",  "&#13;&#10; x ", "]] &gt;", "work", "1e5",  "rowing", "2026-11-23T08:00:00Z"};
    /// Prefix and name: what schemas know, what they know elsewhere, and what they do not know.
    static inline const Words names{"r:activities",
                                    "r:activities",
                                    "r:activities",
                                    "r:away",
                                    "r:busy",
                                    "r:rowing",
                                    "r:lunch",
                                    "r:other",
                                    "r:unknown",
                                    "r:note",
                                    "r:mood",
                                    "r:happy",
                                    "r:place-is",
                                    "r:audio",
                                    "r:video",
                                    "r:text",
                                    "r:ok",
                                    "r:noisy",
                                    "r:place-type",
                                    "l:office",
                                    "l:nowhere",
                                    "r:privacy",
                                    "r:sphere",
                                    "r:work",
                                    "r:relationship",
                                    "r:friend",
                                    "r:service-class",
                                    "r:postal",
                                    "r:class",
                                    "r:status-icon",
                                    "r:time-offset",
                                    "r:user-input",
                                    "c:card",
                                    "c:display-name",
                                    "c:icon",
                                    "c:nothing",
                                    "ts:timed-status",
                                    "ts:basic",
                                    "ts:note",
                                    "k:servcaps",
                                    "k:devcaps",
                                    "k:audio",
                                    "k:methods",
                                    "k:supported",
                                    "k:INVITE",
                                    "k:ACK",
                                    "k:schemes",
                                    "k:s",
                                    "k:priority",
                                    "k:range",
                                    "k:equals",
                                    "k:description",
                                    "k:mobility",
                                    "k:mobile",
                                    "g:geopriv",
                                    "g:location-info",
                                    "g:usage-rules",
                                    "b:retention-expiry",
                                    "g:method",
                                    "g:provided-by",
                                    "b:note-well",
                                    "b:retransmission-allowed",
                                    "dm:person",
                                    "dm:device",
                                    "dm:deviceID",
                                    "dm:note",
                                    "dm:timestamp",
                                    "dm:unknown",
                                    "p:presence",
                                    "p:tuple",
                                    "p:note",
                                    "p:basic",
                                    "p:extra",
                                    "x:any",
                                    "x:other",
                                    "nothing",
                                    "xml:thing"};

    int below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }
    bool one_in(int n) { return below(n) == 0; }
    std::string_view pick(const Words& words) {
        return words[static_cast<std::size_t>(below(static_cast<int>(words.size())))];
    }
    std::string_view uri() { return one_in(3) ? pick(uris) : uris[0]; }
    /// Ids of components have to differ, or there is nothing to look at.
    std::string component_id() {
        if (one_in(40)) return std::string(pick(ids));
        return std::string(pick(ids)) + (one_in(2) ? "" : " ") + std::to_string(++number_);
    }

    std::string attributes(bool extension) {
        std::string text;
        if (one_in(4)) text += " xml:lang='" + std::string(pick(languages)) + "'";
        if (!extension) return text;
        const auto maybe = [&](std::string_view name, std::string_view value) {
            if (one_in(6)) text += " " + std::string(name) + "='" + std::string(value) + "'";
        };
        maybe("id", pick(ids));
        maybe("xml:id", pick(ids));
        maybe("from", pick(times));
        maybe("until", pick(times));
        maybe("last-input", pick(times));
        maybe("idle-threshold", pick(texts));
        maybe("minvalue", pick(texts));
        maybe("maxvalue", pick(texts));
        maybe("value", pick(texts));
        maybe("p:mustUnderstand", pick(texts));
        maybe("xml:space", pick(texts));
        maybe("xml:base", pick(uris));
        maybe("i:type", "x:thing");
        maybe("i:nil", "true");
        maybe("x:more", pick(texts));
        maybe("description", pick(texts));
        return text;
    }
    std::string leaf(std::string_view name, std::string_view text, bool extension = false) {
        return "<" + std::string(name) + attributes(extension) + ">" + std::string(text) + "</" +
               std::string(name) + ">";
    }
    std::string extension(int depth) {
        std::string name(pick(names));
        std::string text = "<" + name + attributes(true);
        // An element out of no namespace, on its own or in all that stands inside.
        if (name == "nothing") text += " xmlns=''";
        text += '>';
        if (one_in(2)) text += pick(one_in(2) ? texts : one_in(2) ? times : uris);
        if (depth < 4)
            for (int n = below(5); n > 0; --n) text += extension(depth + 1);
        if (one_in(5)) text += pick(texts);
        return text + "</" + name + ">";
    }
    std::string timestamp(std::string_view name) { return leaf(name, pick(times)); }
    std::string status() {
        std::string text = "<status" + attributes(false) + ">";
        if (one_in(3)) text += extension(1);
        if (!one_in(3)) text += one_in(2) ? "<basic>open</basic>" : "<basic>closed</basic>";
        if (one_in(3)) text += extension(1);
        return text + "</status>";
    }
    std::string tuple() {
        std::vector<std::string> parts{status()};
        if (!one_in(4))
            parts.push_back("<contact" +
                            (one_in(2) ? " priority='" + std::string(pick(priorities)) + "'" : "") +
                            ">" + std::string(uri()) + "</contact>");
        for (int n = below(3); n > 0; --n) parts.push_back(leaf("note", pick(texts)));
        for (int n = below(3); n > 0; --n) parts.push_back(timestamp("timestamp"));
        for (int n = below(4); n > 0; --n) parts.push_back(extension(0));
        return component("tuple", parts);
    }
    std::string component(std::string_view name, std::vector<std::string>& parts) {
        std::shuffle(parts.begin(), parts.end(), random_);
        std::string text =
            "<" + std::string(name) + " id='" + component_id() + "'" + attributes(false) + ">";
        for (const std::string& part : parts) text += part;
        return text + "</" + std::string(name) + ">";
    }
    std::string person_or_device(bool device) {
        std::vector<std::string> parts;
        for (int n = below(5); n > 0; --n) parts.push_back(extension(0));
        for (int n = below(3); n > 0; --n) parts.push_back(leaf("dm:note", pick(texts)));
        for (int n = below(3); n > 0; --n) parts.push_back(timestamp("dm:timestamp"));
        if (device ? !one_in(4) : one_in(8)) parts.push_back(leaf("dm:deviceID", uri()));
        if (one_in(8)) parts.push_back("<dm:unknown>x</dm:unknown>");
        if (one_in(8)) parts.push_back("<unknown xmlns=''>x</unknown>");
        return component(device ? "dm:device" : "dm:person", parts);
    }
    std::string child_of_presence() {
        switch (below(6)) {
            case 0:
            case 1: return tuple();
            case 2: return person_or_device(false);
            case 3: return person_or_device(true);
            case 4: return leaf("note", pick(texts));
            default: return extension(0);
        }
    }

    std::mt19937_64 random_;
    int number_ = 0;
};
