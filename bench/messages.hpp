#pragma once

#include <string>
#include <vector>

inline std::string bench_document() {
    return R"(<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"
 xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:alice@office.example">
<tuple id="t8b1"><status><basic>open</basic></status>
<contact priority="0.8">sip:alice@office.example</contact><note>At my desk</note>
<timestamp>2026-11-23T08:00:00Z</timestamp></tuple>
<dm:person id="p1"><rpid:activities><rpid:busy/></rpid:activities></dm:person>
</presence>
)";
}

/// CRLF for line ends, and the length of the body for "@".
inline void bench_finish(std::string& text) {
    const auto end = text.find("\n\n") + 2;
    const std::string body = text.substr(end);
    std::string out;
    for (char c : text.substr(0, end)) {
        if (c == '\n') out += '\r';
        if (c == '@' && out.ends_with("Content-Length: "))
            out += std::to_string(body.size());
        else
            out += c;
    }
    text = out + body;
}

inline std::string bench_head(const std::string& method, const std::string& uri, int n) {
    const std::string i = std::to_string(n);
    return method + " " + uri + " SIP/2.0\nVia: SIP/2.0/UDP 192.0.2." + i +
           ":5060;rport;branch=z9hG4bKPj7f3c0e2d9b" + i +
           "\nMax-Forwards: 70\nFrom: \"Alice Liddell\" <sip:alice@office.example>;tag=a71c" + i +
           "\nTo: <" + uri + ">\nCall-ID: 3a9e70b5-4e1d-4c51-9f0e-" + i + "@192.0.2." + i +
           "\nCSeq: 1" + i + " " + method + "\n";
}

/// Twelve messages as a presence server meets them, mean 750 bytes; line ends become CRLF and
/// Content-Length is filled in for the "@" that stands in its place.
inline std::vector<std::string> bench_messages() {
    const std::string pidf = bench_document();
    const std::string auth =
        "Authorization: Digest username=\"alice\", realm=\"office.example\", "
        "nonce=\"5f9c2be1a0d34e77b1c60a\", uri=\"sip:alice@office.example\", "
        "response=\"0a4f113b5d8b0e32a4f1c9d3b7e65f10\", algorithm=MD5, cnonce=\"c0ffee00\", "
        "qop=auth, nc=00000007\n";
    const auto answer = [](int status, const std::string& method, int n) {
        const std::string i = std::to_string(n);
        return "SIP/2.0 " + std::to_string(status) +
               " OK\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=" + "z9hG4bK0011223344556" + i +
               ";rport=5060;received=192.0.2.1\n" +
               "From: <sip:alice@office.example>;tag=99aa\nTo: <sip:bob@office.example>;tag=77" +
               i + "\nCall-ID: 3a9e70b5@192.0.2." + i + "\nCSeq: 2" + i + " " + method + "\n";
    };
    const std::string agent =
        "User-Agent: Desk phone 4.2.1\nAllow: INVITE, ACK, BYE, CANCEL, "
        "OPTIONS, SUBSCRIBE, NOTIFY, MESSAGE, REFER, UPDATE\n"
        "Supported: replaces, 100rel, timer, norefersub\n";
    std::vector<std::string> texts{
        bench_head("SUBSCRIBE", "sip:bob@office.example", 10) +
            "Contact: <sip:alice@192.0.2.10:5060;ob>\nEvent: presence\nExpires: 600\n"
            "Accept: application/pidf+xml, application/xpidf+xml\n" +
            agent + "Content-Length: @\n\n",
        bench_head("SUBSCRIBE", "sip:bob@office.example", 11) +
            "Contact: <sip:alice@192.0.2.11:5060>\nEvent: presence\nExpires: 3600\n" + auth +
            agent + "Content-Length: @\n\n",
        bench_head("SUBSCRIBE", "sip:alice@192.0.2.1:5060", 12) +
            "Contact: <sip:alice@192.0.2.12:5060>\nEvent: presence\nExpires: 0\n" + agent +
            "Content-Length: @\n\n",
        bench_head("PUBLISH", "sip:alice@office.example", 13) +
            "Event: presence\nExpires: 600\nContent-Type: application/pidf+xml\n" + auth +
            "Content-Length: @\n\n" + pidf,
        bench_head("PUBLISH", "sip:alice@office.example", 14) +
            "Event: presence\nSIP-If-Match: 7a15c36ccff9baf906822c7c\nExpires: 600\n" + auth +
            "Content-Length: @\n\n",
        bench_head("REGISTER", "sip:office.example", 15) +
            "Contact: <sip:alice@192.0.2.15:5060;transport=udp>;expires=300;q=0.9;+sip.instance="
            "\"<urn:uuid:00000000-0000-1000-8000-000a95a0e128>\"\n" +
            auth + agent + "Content-Length: @\n\n",
        bench_head("NOTIFY", "sip:alice@192.0.2.16:5060;ob", 16) +
            "Contact: <sip:192.0.2.1:5060>\nEvent: presence\nSubscription-State: active;expires=599"
            "\nContent-Type: application/pidf+xml\nContent-Length: @\n\n" +
            pidf,
        bench_head("OPTIONS", "sip:office.example", 17) +
            "Contact: <sip:alice@192.0.2.17:5060>\nAccept: application/sdp\n" + agent +
            "Content-Length: @\n\n",
        answer(200, "NOTIFY", 1) + agent + "Content-Length: @\n\n",
        answer(200, "SUBSCRIBE", 2) +
            "Contact: <sip:192.0.2.1:5060>\nExpires: 600\nAllow-Events: presence\n" +
            "Content-Length: @\n\n",
        answer(401, "PUBLISH", 3) +
            "WWW-Authenticate: Digest realm=\"office.example\", nonce=\"5f9c2be1a0d34e77b1c60a\", "
            "algorithm=MD5, qop=\"auth\"\nContent-Length: @\n\n",
        answer(200, "REGISTER", 4) +
            "Contact: <sip:alice@192.0.2.15:5060>;expires=300, <sip:alice@192.0.2.16>;expires=20\n"
            "Date: Mon, 23 Nov 2026 08:00:00 GMT\nContent-Length: @\n\n",
    };
    for (std::string& text : texts) bench_finish(text);
    return texts;
}
