"""Reads what `vigil serve --trace` wrote, with a reader that is not ours."""

import dataclasses
import re
import struct


def captured(path):
    """(source port, payload) of each packet in a capture of raw IP or Ethernet."""
    with open(path, "rb") as file:
        data = file.read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    link = struct.unpack(order + "I", data[20:24])[0]
    at, skip, found = 24, {1: 14}.get(link, 0), []
    while at + 16 <= len(data):
        size = struct.unpack(order + "I", data[at + 8:at + 12])[0]
        packet = data[at + 16 + skip:at + 16 + size]
        at += 16 + size
        protocol, inner = packet[9], packet[(packet[0] & 15) * 4:]
        begin = 8 if protocol == 17 else (inner[12] >> 4) * 4
        found.append((struct.unpack(">H", inner[:2])[0], inner[begin:]))
    return found


@dataclasses.dataclass(frozen=True)
class Message:
    """What of a message the scenarios look at; `method` is that of CSeq in a response, too."""

    method: str
    status: int | None
    call_id: str
    from_tag: str
    to_tag: str


def messages(path):
    """The messages of a capture, in order."""
    found = []
    for _, payload in captured(path):
        text = payload.decode(errors="replace").partition("\r\n\r\n")[0]
        fields = dict(line.split(": ", 1) for line in text.split("\r\n")[1:] if ": " in line)
        if "CSeq" not in fields:
            continue
        tags = [re.search(r";tag=([^;>]+)", fields[name]) for name in ("From", "To")]
        status = int(text[8:11]) if text.startswith("SIP/2.0 ") else None
        found.append(Message(fields["CSeq"].split()[1], status, fields["Call-ID"],
                             *(tag[1] if tag else "" for tag in tags)))
    return found
