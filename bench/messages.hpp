#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

/// What a presence server has before it on a working day: twelve messages of many kinds, spelt as
/// the clients and proxies of these days spell them, 763 bytes in the mean. In these texts a line
/// ends in LF, a backslash there joins two, and "Content-Length: @" stands for the length.
inline constexpr std::array<std::string_view, 12> bench_texts{
    // A phone subscribes, with the credentials that its 401 asked for.
    R"(SUBSCRIBE sip:bob@office.example SIP/2.0
Via: SIP/2.0/UDP 192.0.2.17:5060;rport;branch=z9hG4bKPj7f3c0e2d9b5147a3b1c0ffee12345678
Max-Forwards: 70
From: "Alice Liddell" <sip:alice@office.example>;tag=a71c0d5b3e2f4c68
To: <sip:bob@office.example>
Contact: "Alice Liddell" <sip:alice@192.0.2.17:5060;ob>
Call-ID: 3a9e70b5-4e1d-4c51-9f0e-7a15c36ccff9
CSeq: 28341 SUBSCRIBE
Event: presence
Expires: 600
Supported: replaces, 100rel, timer, norefersub
Accept: application/pidf+xml, application/xpidf+xml
Allow-Events: presence, message-summary, refer
User-Agent: Softphone/3.21.3
Authorization: Digest username="alice", realm="office.example", nonce="5f9c2be1a0d34e77b1c60a", \
uri="sip:bob@office.example", response="0a4f113b5d8b0e32a4f1c9d3b7e65f10", algorithm=MD5, \
cnonce="c0ffee0012", qop=auth, nc=00000001
Content-Length: @

)",
    // The same through an edge proxy that record-routes: two Vias.
    R"(SUBSCRIBE sip:carol@office.example;transport=tcp SIP/2.0
Record-Route: <sip:198.51.100.7;transport=tcp;lr;ftag=4b02c9>
Via: SIP/2.0/TCP 198.51.100.7:5060;branch=z9hG4bK3d1c.8f0be6a7c1c9a7a7d03c5f64f2a9d9e5.0;i=91
Via: SIP/2.0/TLS 203.0.113.88:41022;received=203.0.113.88;branch=z9hG4bK1409725510;rport=41022
From: <sip:dave@office.example>;tag=4b02c9
To: <sip:carol@office.example>
Call-ID: 0_1834720915@10.11.12.13
CSeq: 2 SUBSCRIBE
Contact: <sip:dave@203.0.113.88:41022;transport=tls>
Max-Forwards: 69
User-Agent: Desk-Phone T54W 96.86.0.70
Expires: 1800
Event: presence
Accept: application/pidf+xml,application/rlmi+xml,multipart/related
Supported: eventlist
Allow: INVITE, INFO, PRACK, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REGISTER, SUBSCRIBE, REFER, \
PUBLISH, UPDATE, MESSAGE
P-Asserted-Identity: <sip:dave@office.example>
Content-Length: @

)",
    // A refresh inside its dialog.
    R"(SUBSCRIBE sip:203.0.113.5:5060;transport=udp SIP/2.0
Via: SIP/2.0/UDP 192.0.2.44:5060;branch=z9hG4bK-524287-1---9a3c6f5d2b7e1840;rport
Max-Forwards: 70
Route: <sip:198.51.100.7;lr>, <sip:198.51.100.8;lr>
Contact: <sip:erin@192.0.2.44:5060;transport=UDP>
To: <sip:bob@office.example>;tag=as58f4201b
From: <sip:erin@office.example;transport=UDP>;tag=73fe2d11
Call-ID: Zx8RkQ2PpLmN0aBcDeFgHi..
CSeq: 14 SUBSCRIBE
Expires: 600
Accept: application/pidf+xml
Supported: replaces, norefersub, extended-refer, timer, sec-agree, outbound, path
User-Agent: Z 5.6.4 v2.10.20.4
Event: presence
Allow-Events: presence, kpml, talk, as-feature-event
Content-Length: @

)",
    // A first publication.
    R"(PUBLISH sip:alice@office.example SIP/2.0
Via: SIP/2.0/UDP 192.0.2.17:5060;rport;branch=z9hG4bKPj2b6de1c08f7a4e55a9d31b0c7e6f4a29
Max-Forwards: 70
From: "Alice Liddell" <sip:alice@office.example>;tag=e5d20f7a91c34b86
To: "Alice Liddell" <sip:alice@office.example>
Call-ID: 8c1f6d20-b3a7-4e92-8d45-90e1f2a3b4c5
CSeq: 11072 PUBLISH
Event: presence
Expires: 3600
User-Agent: Softphone/3.21.3
Authorization: Digest username="alice", realm="office.example", nonce="5f9c2be1a0d34e77b1c60a", \
uri="sip:alice@office.example", response="b7e65f100a4f113b5d8b0e32a4f1c9d3", algorithm=MD5, \
cnonce="c0ffee0044", qop=auth, nc=00000007
Content-Type: application/pidf+xml
Content-Length: @

<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" \
xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:alice@office.example">
 <tuple id="t8b1f02"><status><basic>open</basic></status>
  <contact priority="0.8">sip:alice@192.0.2.17:5060</contact>
  <timestamp>2026-11-23T08:00:00Z</timestamp></tuple>
 <dm:person id="p1"><rpid:activities><rpid:busy/></rpid:activities><dm:note>At my \
desk</dm:note></dm:person>
</presence>
)",
    // A publication is refreshed.
    R"(PUBLISH sip:frank@office.example SIP/2.0
Via: SIP/2.0/UDP 192.0.2.90:5062;branch=z9hG4bK.~q8Rx3vZt;rport
From: <sip:frank@office.example>;tag=w~T5hJm9Q
To: sip:frank@office.example
CSeq: 24 PUBLISH
Call-ID: Xb3dT~wQ9r
Max-Forwards: 70
Supported: replaces, outbound, gruu, path
Event: presence
Expires: 600
SIP-If-Match: 7a15c36ccff9baf906822c7c
User-Agent: Desktop/5.2.6 (Debian) Core/5.3.66
Authorization: Digest realm="office.example", nonce="aHh2sQAAAABQ4mZmAAAvc1Zy1aQ=", \
algorithm=SHA-256, opaque="+GNywA==", username="frank",  uri="sip:frank@office.example", \
response="7dd7b5c4ad0b3a9db1c9b63f2a5a9ce38ad2b7c69ca5fd3b8e0c4ab2d51f1c0a", \
cnonce="Ygd2kqQLzUUe8d1n", nc=00000003, qop=auth
Content-Length: @

)",
    // A registration with outbound and the instance.
    R"(REGISTER sip:office.example SIP/2.0
Via: SIP/2.0/TCP 192.0.2.61:50114;alias;branch=z9hG4bK.4uX9-Tq0e;rport
From: <sip:grace@office.example>;tag=~ffK9LkP2
To: sip:grace@office.example
CSeq: 21 REGISTER
Call-ID: h7sXw1~PqR
Max-Forwards: 70
Supported: replaces, outbound, gruu, path, record-aware
Accept: application/sdp, text/plain, application/vnd.gsma.rcs-ft-http+xml
Contact: <sip:grace@192.0.2.61:50114;transport=tcp>;expires=3600;q=0.9;reg-id=1;+sip.instance="<u\
rn:uuid:4f0b1c2d-93a8-00e7-8b6a-5d4c3b2a1908>"
Expires: 3600
User-Agent: Desktop/5.2.6 (Debian) Core/5.3.66
Authorization: Digest realm="office.example", nonce="aHh2sQAAAABQ4mZmAAAvc1Zy1aQ=", \
algorithm=MD5, opaque="+GNywA==", username="grace",  uri="sip:office.example", \
response="b04d9a2c7e615f38a1c0d4e2f6b79835", cnonce="p1Xr8sQLzUUe8d1n", nc=00000002, qop=auth
Content-Length: @

)",
    // A notification with its document.
    R"(NOTIFY sip:alice@192.0.2.17:5060;ob SIP/2.0
Via: SIP/2.0/UDP 203.0.113.5:5060;branch=z9hG4bK8c2a1f60d4b97e35
Max-Forwards: 70
From: <sip:bob@office.example>;tag=77c0ffee51
To: "Alice Liddell" <sip:alice@office.example>;tag=a71c0d5b3e2f4c68
Call-ID: 3a9e70b5-4e1d-4c51-9f0e-7a15c36ccff9
CSeq: 3 NOTIFY
Contact: <sip:203.0.113.5:5060>
Event: presence
Subscription-State: active;expires=587
Allow-Events: presence, presence.winfo
Content-Type: application/pidf+xml
Content-Length: @

<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" \
xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:bob@office.example"><tuple \
id="t1"><status><basic>open</basic></status><contact \
priority="0.5">sip:bob@office.example</contact></tuple><tuple \
id="t2"><status><basic>closed</basic></status><note>In a meeting until \
noon</note></tuple><dm:person id="p1"><rpid:activities><rpid:meeting/></rpid:activities></dm:pers\
on></presence>
)",
    // The last one of a subscription, by a proxy.
    R"(NOTIFY sip:dave@203.0.113.88:41022;transport=tls SIP/2.0
Via: SIP/2.0/TCP 203.0.113.5:5060;branch=z9hG4bK0f2e7d6c5b4a3928;alias
Route: <sip:198.51.100.7;transport=tcp;lr;ftag=4b02c9>
Max-Forwards: 70
From: <sip:carol@office.example>;tag=5e11aa0b7c
To: <sip:dave@office.example>;tag=4b02c9
Call-ID: 0_1834720915@10.11.12.13
CSeq: 9 NOTIFY
Contact: <sip:203.0.113.5:5060;transport=tcp>
Event: presence
Subscription-State: terminated;reason=deactivated;retry-after=15
User-Agent: Presence server 2.4
Content-Length: @

)",
    // A phone took a notification.
    R"(SIP/2.0 200 OK
Via: SIP/2.0/UDP 203.0.113.5:5060;received=203.0.113.5;rport=5060;branch=z9hG4bK8c2a1f60d4b97e35
Call-ID: 3a9e70b5-4e1d-4c51-9f0e-7a15c36ccff9
From: <sip:bob@office.example>;tag=77c0ffee51
To: "Alice Liddell" <sip:alice@office.example>;tag=a71c0d5b3e2f4c68
CSeq: 3 NOTIFY
Contact: "Alice Liddell" <sip:alice@192.0.2.17:5060;ob>
Allow: PRACK, INVITE, ACK, BYE, CANCEL, UPDATE, INFO, SUBSCRIBE, NOTIFY, REFER, MESSAGE, OPTIONS
Supported: replaces, 100rel, timer, norefersub
Content-Length: @

)",
    // A server took a subscription, and the answer went back by the edge proxy.
    R"(SIP/2.0 200 OK
Via: SIP/2.0/TCP 198.51.100.7:5060;branch=z9hG4bK3d1c.8f0be6a7c1c9a7a7d03c5f64f2a9d9e5.0;i=91
Via: SIP/2.0/TLS 203.0.113.88:41022;received=203.0.113.88;branch=z9hG4bK1409725510;rport=41022
Record-Route: <sip:198.51.100.7;transport=tcp;lr;ftag=4b02c9>
From: <sip:dave@office.example>;tag=4b02c9
To: <sip:carol@office.example>;tag=5e11aa0b7c
Call-ID: 0_1834720915@10.11.12.13
CSeq: 2 SUBSCRIBE
Contact: <sip:203.0.113.5:5060;transport=tcp>
Expires: 1800
Require: eventlist
Allow-Events: presence, presence.winfo
Server: Presence server 2.4
Content-Length: @

)",
    // A publication is asked for credentials.
    R"(SIP/2.0 401 Unauthorized
Via: SIP/2.0/UDP 192.0.2.17:5060;rport=5060;received=192.0.2.17;branch=z9hG4bKPj2b6de1c08f7a4e55a\
9d31b0c7e6f4a29
From: "Alice Liddell" <sip:alice@office.example>;tag=e5d20f7a91c34b86
To: "Alice Liddell" <sip:alice@office.example>;tag=b27e1a61d29c
Call-ID: 8c1f6d20-b3a7-4e92-8d45-90e1f2a3b4c5
CSeq: 11071 PUBLISH
WWW-Authenticate: Digest realm="office.example", nonce="5f9c2be1a0d34e77b1c60a", \
opaque="b2a1908c", algorithm=SHA-256, qop="auth"
WWW-Authenticate: Digest realm="office.example", nonce="5f9c2be1a0d34e77b1c60a", \
opaque="b2a1908c", algorithm=MD5, qop="auth"
Retry-After: 5
Server: Presence server 2.4
Content-Length: @

)",
    // A registrar lists what is bound.
    R"(SIP/2.0 200 OK
Via: SIP/2.0/TCP 192.0.2.61:50114;alias;branch=z9hG4bK.4uX9-Tq0e;rport=50114;received=192.0.2.61
From: <sip:grace@office.example>;tag=~ffK9LkP2
To: <sip:grace@office.example>;tag=b27e1a61d29c1f60
CSeq: 21 REGISTER
Call-ID: h7sXw1~PqR
Contact: <sip:grace@192.0.2.61:50114;transport=tcp>;expires=3600;q=0.9;reg-id=1;+sip.instance="<u\
rn:uuid:4f0b1c2d-93a8-00e7-8b6a-5d4c3b2a1908>", <sip:grace@192.0.2.62:5060>;expires=1284
Supported: path, outbound
Require: outbound
Service-Route: <sip:198.51.100.7;transport=tcp;lr>
Min-Expires: 60
Allow-Events: presence, presence.winfo
Date: Mon, 23 Nov 2026 08:00:00 GMT
Server: Presence server 2.4
Content-Length: @

)"};

/// What a phone publishes.
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

/// CRLF for the line ends of the head, and the length of the body for "@".
inline std::string bench_message(std::string_view written) {
    std::string text(written);
    for (std::size_t at = 0; (at = text.find("\\\n", at)) != text.npos;) text.erase(at, 2);
    const std::size_t end = text.find("\n\n") + 2;
    const std::string body = text.substr(end);
    constexpr std::string_view length = "Content-Length: ";
    std::string out;
    for (const char c : text.substr(0, end)) {
        if (c == '@' && out.ends_with(length)) {
            out += std::to_string(body.size());
            continue;
        }
        if (c == '\n') out += '\r';
        out += c;
    }
    return out.append(body);
}

inline std::vector<std::string> bench_messages() {
    std::vector<std::string> messages;
    for (const std::string_view text : bench_texts) messages.push_back(bench_message(text));
    return messages;
}
